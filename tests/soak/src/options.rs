//! The options of the command line.

pub const USAGE: &str = "\
soak fuzz [--seconds N] [--seed N]
soak soak [--seconds N] [--seed N] [--requests N]";

pub enum Command {
    Fuzz,
    Soak,
    /// The server of a soak, which that starts itself.
    Serve,
}

pub struct Options {
    pub command: Command,
    pub seconds: u64,
    pub seed: u64,
    pub requests: u64,
}

impl Options {
    pub fn read(mut words: impl Iterator<Item = String>) -> Result<Options, String> {
        let command = match words.next().as_deref() {
            Some("fuzz") => Command::Fuzz,
            Some("soak") => Command::Soak,
            Some("serve") => Command::Serve,
            _ => return Err("what is to be done?".to_owned()),
        };
        let mut options = Options {
            command,
            seconds: 60,
            seed: 0,
            requests: 1_000_000,
        };
        while let Some(name) = words.next() {
            let value = words.next().and_then(|value| value.parse().ok());
            let value = value.ok_or_else(|| format!("{name} needs a number"))?;
            match name.as_str() {
                "--seconds" => options.seconds = value,
                "--seed" => options.seed = value,
                "--requests" => options.requests = value,
                _ => return Err(format!("there is no {name}")),
            }
        }
        Ok(options)
    }
}
