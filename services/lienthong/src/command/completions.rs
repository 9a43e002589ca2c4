//! Completions for a shell.

use crate::{cli::Cli, screen::tell};
use clap::{Args, CommandFactory as _, ValueEnum};
use clap_complete::{Shell, generate};

/// Print completions for a shell: source them, or put them where the shell looks.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lienthong completions bash\n  lienthong completions zsh")]
pub(crate) struct CompletionsCommand {
    /// The shell.
    #[arg(value_enum)]
    shell: For,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum For {
    Bash,
    Zsh,
    Fish,
}

impl CompletionsCommand {
    pub(crate) fn run(self) {
        let mut text = Vec::new();
        generate(self.shell(), &mut Cli::command(), "lienthong", &mut text);
        tell!("{}", String::from_utf8_lossy(&text).trim_end());
    }

    fn shell(&self) -> Shell {
        match self.shell {
            For::Bash => Shell::Bash,
            For::Zsh => Shell::Zsh,
            For::Fish => Shell::Fish,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_completes_what_operators_type() {
        for shell in [For::Bash, For::Zsh, For::Fish] {
            let mut text = Vec::new();
            let command = CompletionsCommand { shell };
            generate(command.shell(), &mut Cli::command(), "lienthong", &mut text);
            let text = String::from_utf8(text).unwrap();
            for word in ["ops", "departments", "redrive", "extend-step"] {
                assert!(text.contains(word), "{shell:?} lacks {word}");
            }
        }
    }
}
