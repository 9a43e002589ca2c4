//! The story: what a dossier is and what becomes of it. Pure.
