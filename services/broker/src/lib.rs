//! The post office: intake, ledger, store, couriers, documents, directory.
