//! Certificates from a PEM file.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::Fault;
use crate::secret::Place;

/// All certificates of a file, at least one; what else is in it is passed over.
pub(super) fn read(place: &Place) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let text = place.read_public()?;
    let parsed = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>();
    // The parser's own words may quote the file, and this may be a key that was put in the wrong place.
    let certificates = parsed.map_err(|_| Fault::content(place, "it is not valid PEM".to_owned()))?;
    if certificates.is_empty() {
        return Err(Fault::content(place, "no certificate in it (PEM is needed)".to_owned()));
    }
    Ok(certificates)
}
