//! The audit: who did what.

use super::{Operator, page_before, page_of, unreadable};
use crate::{
    access,
    desk::{blocking, page},
    store::{AuditFilter, Audited},
    wire,
};
use bytes::Bytes;
use contract::v1;
use dossier::name::DossierCode;
use tonic::Status;

const PAGE_ENTRIES: u32 = 100;
const PAGE_ENTRIES_MAX: u32 = 500;

fn entry(found: Audited) -> v1::AuditEntry {
    let Audited {
        number,
        audit,
        code,
        hash,
    } = found;
    v1::AuditEntry {
        at: wire::timestamp(audit.at),
        operator: audit.operator,
        call: audit.call,
        dossier_code: code.map(|code| code.to_string()).unwrap_or_default(),
        before: audit.before,
        after: audit.after,
        reason: audit.reason,
        number,
        dossier_id: audit
            .dossier_id
            .map(|id| id.to_string())
            .unwrap_or_default(),
        via: audit.via.unwrap_or_default(),
        subject: audit.subject,
        hash: Bytes::copy_from_slice(hash.as_bytes()),
    }
}

impl Operator {
    pub(super) async fn serve_list_audit(
        &self,
        _: access::Operator,
        request: v1::ListAuditRequest,
    ) -> Result<v1::ListAuditResponse, Status> {
        let before = page_before(&request.page_token)?;
        let limit = page(request.page_size, PAGE_ENTRIES, PAGE_ENTRIES_MAX);
        let code: Option<DossierCode> = match request.dossier_code.as_str() {
            "" => None,
            text => Some(super::code(text)?),
        };
        let operator = Some(request.operator).filter(|operator| !operator.is_empty());
        let reader = self.reader.clone();
        let found = blocking(move || {
            let dossier_id = match code {
                None => None,
                Some(code) => Some(
                    reader
                        .by_code(&code)
                        .map_err(unreadable)?
                        .ok_or_else(super::unknown_dossier)?,
                ),
            };
            let filter = AuditFilter {
                operator,
                dossier_id,
            };
            reader.audits(&filter, before, limit).map_err(unreadable)
        });
        let found = found.await?.into_iter();
        let rows = found.map(|one| (one.number, entry(one))).collect();
        let (entries, next_page_token) = page_of(rows, limit);
        Ok(v1::ListAuditResponse {
            entries,
            next_page_token,
        })
    }
}
