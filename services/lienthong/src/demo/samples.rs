//! What the demo brings along, so that the binary runs from anywhere: the same files that lie in
//! `deploy/`.

/// The sample directory.
pub(crate) const DIRECTORY: &str = include_str!("../../../../deploy/directory.toml");
/// The birth journey.
pub(crate) const PROCEDURE: &str = include_str!("../../../../deploy/procedures/birth.toml");
/// What the offices answer: civil status, police for residence, social insurance, police for
/// identity cards.
pub(crate) const SCRIPTS: [&str; 4] = [
    include_str!("../../../../deploy/scripts/civil-status.toml"),
    include_str!("../../../../deploy/scripts/police-residence.toml"),
    include_str!("../../../../deploy/scripts/social-insurance.toml"),
    include_str!("../../../../deploy/scripts/police-identity.toml"),
];

/// One dossier to send in.
pub(crate) struct Sample {
    /// The folder that it lies in.
    pub(crate) name: &'static str,
    /// What it shows.
    pub(crate) story: &'static str,
    /// The dossier, as `lienthong dossier submit` reads it.
    pub(crate) dossier: &'static str,
    /// Its papers: the evidence that each belongs to, its file name and its bytes.
    pub(crate) papers: &'static [(&'static str, &'static str, &'static [u8])],
}

macro_rules! sample {
    ($name:literal, $story:literal, [$(($evidence:literal, $file:literal)),*]) => {
        Sample {
            name: $name,
            story: $story,
            dossier: include_str!(concat!("../../../../deploy/samples/birth/", $name, "/dossier.json")),
            papers: &[$((
                $evidence,
                $file,
                include_bytes!(concat!("../../../../deploy/samples/birth/", $name, "/", $file)),
            )),*],
        }
    };
}

/// The three dossiers of the demo.
pub(crate) const SAMPLES: [Sample; 3] = [
    sample!(
        "1-straight",
        "the straight one",
        [("birth_notice", "giay-chung-sinh.pdf")]
    ),
    sample!(
        "2-corrected",
        "an error in the birth certificate goes back to who made it, not to the parents",
        [("birth_notice", "giay-chung-sinh.pdf")]
    ),
    sample!(
        "3-interrupted",
        "the police office is closed for a while, and the broker is killed",
        [("birth_notice", "giay-chung-sinh.pdf")]
    ),
];
