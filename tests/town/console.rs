//! The operators' page in a real browser: what is stuck is found, read, tried again and seen to close; who
//! is not logged in gets nothing; and every page can be used by everybody.

mod access;
mod browser;
mod input;
mod logins;
mod many;
mod pages;
mod provider;
mod site;
mod stories;
mod stranger;
mod tab;
