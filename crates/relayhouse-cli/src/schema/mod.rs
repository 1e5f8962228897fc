//! `relayhouse schema`: what can be said of Avro schemas without any message.

mod check;
mod file;
mod show;

use crate::{
    Stdout,
    args::{Schema, SchemaAction},
    exit::{Code, Failure},
    print,
};

pub(crate) use self::file::store;

pub(crate) async fn run(args: Schema, stdout: Stdout) -> Result<Code, Failure> {
    let (text, code) = match args.action {
        SchemaAction::Check(args) => check::check(&args)?,
        SchemaAction::Fingerprint(args) => {
            let schema = file::read(&args.file)?;
            (format!("{}\n", schema.fingerprint()), Code::Done)
        }
        SchemaAction::Show(args) => (show::show(&args)?, Code::Done),
    };
    print::once(stdout, &text).await?;
    Ok(code)
}
