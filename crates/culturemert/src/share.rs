//! Which share of an array job this process has: named outright, or found in the environment the launcher sets.

use std::str::FromStr;

use corpus::JobShare;

use crate::exit::usage;

/// What `--shard` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// `I/N`.
    Named(JobShare),
    /// `auto`.
    Auto,
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "auto" { Ok(Self::Auto) } else { text.parse().map(Self::Named) }
    }
}

/// What of a corpus a call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// All that is not done.
    Whole,
    /// One job's share of it.
    Share(JobShare),
    /// None of it: the results of this many jobs are put together.
    Assemble(usize),
}

/// A launcher's variables: the number of a job, the first number (a variable or fixed), and how many jobs there are.
struct Launcher {
    number: &'static str,
    first: First,
    count: &'static str,
}

enum First {
    Is(usize),
    /// As the variable says, 0 without it.
    Named(&'static str),
}

/// GNU parallel does not tell how many jobs there are and Kubernetes only numbers them, so there the count is set by whoever launches.
const LAUNCHERS: [Launcher; 3] = [
    Launcher {
        number: "SLURM_ARRAY_TASK_ID",
        first: First::Named("SLURM_ARRAY_TASK_MIN"),
        count: "SLURM_ARRAY_TASK_COUNT",
    },
    Launcher { number: "JOB_COMPLETION_INDEX", first: First::Is(0), count: "JOB_COMPLETIONS" },
    Launcher { number: "PARALLEL_SEQ", first: First::Is(1), count: "JOB_COMPLETIONS" },
];

impl Share {
    /// The share, from the environment where it says `auto`.
    pub(crate) fn resolve(self) -> anyhow::Result<JobShare> {
        match self {
            Self::Named(share) => Ok(share),
            Self::Auto => from_variables(&|name| std::env::var(name).ok()).map_err(usage),
        }
    }
}

fn from_variables(variable: &dyn Fn(&str) -> Option<String>) -> Result<JobShare, String> {
    let Some(launcher) = LAUNCHERS.iter().find(|launcher| variable(launcher.number).is_some()) else {
        let names: Vec<_> = LAUNCHERS.iter().map(|launcher| launcher.number).collect();
        return Err(format!("`--shard auto` finds none of {} in the environment", names.join(", ")));
    };
    let number = |name: &str| -> Result<usize, String> {
        let text = variable(name)
            .ok_or_else(|| format!("`--shard auto` finds {} but not {name}; set it", launcher.number))?;
        text.parse().map_err(|_| format!("{name} is `{text}`, not a number"))
    };
    let first = match launcher.first {
        First::Is(first) => first,
        First::Named(name) => variable(name).map_or(Ok(0), |_| number(name))?,
    };
    let (this, count) = (number(launcher.number)?, number(launcher.count)?);
    // An array with gaps (`--array=1-7:2`) has numbers that are no places in a row.
    match this.checked_sub(first).filter(|&index| index < count) {
        Some(index) => Ok(JobShare { index, count }),
        None => Err(format!(
            "{} is {this}, but {} jobs counted from {first} were announced; number them in a row",
            launcher.number, count
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::{Share, from_variables};

    fn share(variables: &[(&str, &str)]) -> Result<String, String> {
        let find = |name: &str| {
            variables.iter().find(|(there, _)| *there == name).map(|(_, value)| (*value).to_owned())
        };
        from_variables(&find).map(|share| share.to_string())
    }

    #[test]
    fn every_launcher_numbers_in_its_own_way() {
        let slurm = [("SLURM_ARRAY_TASK_ID", "4"), ("SLURM_ARRAY_TASK_COUNT", "4")];
        assert_eq!(share(&[&slurm[..], &[("SLURM_ARRAY_TASK_MIN", "1")]].concat()), Ok("4/4".into()));
        assert!(share(&slurm).unwrap_err().contains("SLURM_ARRAY_TASK_ID is 4"));
        assert_eq!(share(&[("JOB_COMPLETION_INDEX", "0"), ("JOB_COMPLETIONS", "3")]), Ok("1/3".into()));
        assert_eq!(share(&[("PARALLEL_SEQ", "3"), ("JOB_COMPLETIONS", "3")]), Ok("3/3".into()));
    }

    #[test]
    fn what_is_missing_or_no_number_is_named() {
        assert!(share(&[]).unwrap_err().contains("PARALLEL_SEQ"));
        assert!(share(&[("PARALLEL_SEQ", "3")]).unwrap_err().contains("JOB_COMPLETIONS"));
        let odd = share(&[("PARALLEL_SEQ", "x"), ("JOB_COMPLETIONS", "3")]).unwrap_err();
        assert_eq!(odd, "PARALLEL_SEQ is `x`, not a number");
    }

    #[test]
    fn shares_are_numbered_from_one() {
        for wrong in ["0/4", "5/4", "1", "1/0", "-1/4", "Auto"] {
            assert!(wrong.parse::<Share>().is_err(), "{wrong}");
        }
        assert_eq!("auto".parse(), Ok(Share::Auto));
        let Ok(Share::Named(last)) = "4/4".parse() else { panic!("4/4 is a share") };
        assert_eq!((last.index, last.count), (3, 4));
    }
}
