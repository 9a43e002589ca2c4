//! Whole birth dossiers: four steps, three of them in parallel, as the procedure is shipped.

use super::{
    Options,
    handoffs::{Row, sweep},
    shape::Shape,
    town::{Manner, Town, with_logs},
};
use crate::demo::samples::BIRTH;
use std::{fs, path::Path};

/// Measures it.
pub(crate) async fn measure(options: &Options, folder: &Path) -> anyhow::Result<Vec<Row>> {
    let inner = folder.join("journeys");
    fs::create_dir_all(&inner)?;
    let manner = Manner {
        log: options.log.clone(),
        ..Manner::default()
    };
    let mut town = Town::found(&inner, &Shape::birth(BIRTH.procedure), manner)?;
    let measured = async {
        town.open().await?;
        sweep(&mut town, options).await
    };
    let measured = measured.await;
    town.close().await;
    measured.map_err(|error| with_logs(&error, &town))
}
