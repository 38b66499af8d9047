//! Until when certificates are valid.

use std::path::Path;

use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::pem::PemError;
use crate::base::WallMillis;

/// When the first of them expires. `file` is where they are from.
///
/// # Errors
/// [`PemError::Certificate`] if one cannot be understood.
pub(super) fn earliest_end(
    chain: &[CertificateDer<'_>],
    file: &Path,
) -> Result<WallMillis, PemError> {
    let mut earliest = WallMillis(i64::MAX);
    for (index, der) in chain.iter().enumerate() {
        let (_, certificate) =
            X509Certificate::from_der(der).map_err(|error| PemError::Certificate {
                file: file.to_owned(),
                number: index + 1,
                fault: error.to_string(),
            })?;
        let end = certificate.validity().not_after.timestamp().saturating_mul(1_000);
        earliest = earliest.min(WallMillis(end));
    }
    Ok(earliest)
}
