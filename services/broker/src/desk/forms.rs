//! Forms: the papers of a dossier.

use super::{Caller, Desk};
use crate::wire;
use contract::v1;
use tonic::Status;

impl Desk {
    pub(super) async fn serve_get_form(
        &self,
        _caller: Caller,
        _request: v1::GetFormRequest,
    ) -> Result<v1::GetFormResponse, Status> {
        Err(wire::not_implemented("DeskService.GetForm"))
    }
}
