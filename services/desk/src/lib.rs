//! The window: submits dossiers durably and keeps what the broker tells it.
