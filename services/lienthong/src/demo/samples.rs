//! What the demo brings along, so that the binary runs from anywhere: the same files that lie in
//! `deploy/`.

/// The sample directory.
pub(crate) const DIRECTORY: &str = include_str!("../../../../deploy/directory.toml");

macro_rules! files {
    ($folder:literal: $($name:literal)*) => {
        &[$(($name, include_str!(concat!("../../../../deploy/", $folder, "/", $name)))),*]
    };
}

/// The calendars, each with its file's name.
pub(crate) const CALENDARS: &[(&str, &str)] = files!("calendars": "national.toml" "mau-01.toml");
/// The schemas of evidence, each with its file's name.
pub(crate) const SCHEMAS: &[(&str, &str)] = files!("schemas":
    "application-1.json" "appraisal-1.json" "beneficiary_group-1.json" "benefit_decision-1.json"
    "birth_certificate-1.json" "birth_notice-1.json" "charter-1.json" "common-1.json"
    "contract-1.json" "death_extract-1.json" "death_notice-1.json"
    "enterprise_registration_certificate-1.json" "financial_obligation_slip-1.json"
    "health_card-1.json" "health_facility_choice-1.json" "householder_consent-1.json"
    "identity_card-1.json" "invoice_registration-1.json" "labour_declaration-1.json"
    "land_certificate-1.json" "land_certificate_draft-1.json" "land_record-1.json"
    "old_certificate-1.json" "parents-1.json" "payment_confirmation-1.json"
    "payment_notice-1.json" "payout_choice-1.json" "personal_id-1.json" "power_of_attorney-1.json"
    "registration_application-1.json" "residence_choice-1.json" "residence_deletion_notice-1.json"
    "residence_notice-1.json" "social_insurance_unit-1.json" "tax_declarations-1.json"
    "tax_registration-1.json"
);

/// An office of the sample province: what the demo calls it, its agency, and what it answers.
pub(crate) struct Office {
    pub(crate) name: &'static str,
    pub(crate) agency: &'static str,
    pub(crate) script: &'static str,
}

macro_rules! office {
    ($name:literal, $agency:literal) => {
        Office {
            name: $name,
            agency: $agency,
            script: include_str!(concat!("../../../../deploy/scripts/", $name, ".toml")),
        }
    };
}

/// The offices; a journey opens those that it needs.
pub(crate) const OFFICES: [Office; 13] = [
    office!("civil-status", "H99.01.02"),
    office!("police-residence", "G01.99.01"),
    office!("social-insurance", "G24.99"),
    office!("police-identity", "G01.99"),
    office!("hospital", "H99.13.01"),
    office!("population-database", "G01.98"),
    office!("welfare", "H99.01.03"),
    office!("home-affairs", "H99.10.01"),
    office!("labour", "H99.10.02"),
    office!("business-registry", "H99.11.01"),
    office!("land-registry", "H99.12.01"),
    office!("land-registry-branch", "H99.12.01.01"),
    office!("tax", "G12.99"),
];

/// One journey: its procedure and the dossiers to send in.
pub(crate) struct Material {
    /// What the command line calls it, and the folder of its samples.
    pub(crate) name: &'static str,
    /// The file of its procedure.
    pub(crate) file: &'static str,
    /// The procedure.
    pub(crate) procedure: &'static str,
    /// The dossiers.
    pub(crate) samples: &'static [Sample],
}

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
    /// What the citizen does not bring, as the broker looks it up.
    pub(crate) looked_up: &'static [&'static str],
    /// What goes back from one department to another.
    pub(crate) returned: &'static [&'static str],
    /// Whether the citizen owes something.
    pub(crate) pays: bool,
}

macro_rules! sample {
    ($journey:literal, $name:literal, $story:literal, [$(($evidence:literal, $file:literal)),*]) => {
        Sample {
            name: $name,
            story: $story,
            dossier: include_str!(concat!(
                "../../../../deploy/samples/", $journey, "/", $name, "/dossier.json"
            )),
            papers: &[$((
                $evidence,
                $file,
                include_bytes!(concat!(
                    "../../../../deploy/samples/", $journey, "/", $name, "/", $file
                )),
            )),*],
            looked_up: &[],
            returned: &[],
            pays: false,
        }
    };
}

macro_rules! procedure {
    ($file:literal) => {
        include_str!(concat!("../../../../deploy/procedures/", $file))
    };
}

/// Birth: a straight dossier, one with an error in it, one with everything broken around it.
pub(crate) static BIRTH: Material = Material {
    name: "birth",
    file: "birth.toml",
    procedure: procedure!("birth.toml"),
    samples: &[
        sample!(
            "birth",
            "1-straight",
            "the straight one",
            [("birth_notice", "giay-chung-sinh.pdf")]
        ),
        Sample {
            returned: &["birth_certificate"],
            ..sample!(
                "birth",
                "2-corrected",
                "an error in the birth certificate goes back to who made it, not to the parents",
                [("birth_notice", "giay-chung-sinh.pdf")]
            )
        },
        Sample {
            looked_up: &["birth_notice", "parents"],
            ..sample!(
                "birth",
                "3-interrupted",
                "no paper is brought; an office is closed for a while, and the broker is killed",
                []
            )
        },
    ],
};

/// Death: two of the three groups of beneficiaries.
pub(crate) static DEATH: Material = Material {
    name: "death",
    file: "death.toml",
    procedure: procedure!("death.toml"),
    samples: &[
        Sample {
            looked_up: &["death_notice"],
            ..sample!(
                "death",
                "1-insured",
                "the hospital is asked for the death notice, and not the daughter",
                []
            )
        },
        sample!(
            "death",
            "2-social-support",
            "died at home: the son brings the notice, and the commune decides",
            [("death_notice", "giay-bao-tu.pdf")]
        ),
    ],
};

/// A transfer of land.
pub(crate) static LAND: Material = Material {
    name: "land",
    file: "land_transfer.toml",
    procedure: procedure!("land_transfer.toml"),
    samples: &[Sample {
        looked_up: &["land_record"],
        returned: &["financial_obligation_slip"],
        pays: true,
        ..sample!(
            "land",
            "1-transfer",
            "the tax office sends a wrong slip back to the land registry; taxes are paid once",
            [
                ("old_certificate", "giay-chung-nhan-da-cap.pdf"),
                ("contract", "hop-dong-chuyen-nhuong.pdf")
            ]
        )
    }],
};

/// Starting an enterprise.
pub(crate) static BUSINESS: Material = Material {
    name: "business",
    file: "business.toml",
    procedure: procedure!("business.toml"),
    samples: &[sample!(
        "business",
        "1-company",
        "one application; tax, insurance, labour and invoices follow from it",
        [("charter", "dieu-le.pdf")]
    )],
};

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::BTreeSet, fs, path::Path};

    #[test]
    fn every_schema_and_calendar_of_deploy_is_brought_along() {
        let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy");
        for (folder, brought) in [("schemas", SCHEMAS), ("calendars", CALENDARS)] {
            let there: BTreeSet<String> = fs::read_dir(deploy.join(folder))
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            let brought: BTreeSet<String> =
                brought.iter().map(|(name, _)| (*name).to_owned()).collect();
            assert_eq!(there, brought, "{folder}");
        }
    }
}
