//! `cargo xtask soak`: the long form of the tests that draw at random. Each prints what it did, and its seed if it fails.

/// A long run.
pub(crate) struct Scenario {
    /// Its name on the command line.
    pub(crate) name: &'static str,
    /// What it shows.
    pub(crate) shows: &'static str,
    /// The test, for `cargo test`.
    pub(crate) test: &'static [&'static str],
    /// How long a form it is to have.
    pub(crate) variables: &'static [(&'static str, &'static str)],
}

/// Built faster to run than to build, and apart from the short tests.
pub(crate) const BUILD: &[(&str, &str)] = &[
    ("CARGO_TARGET_DIR", "target/soak"),
    ("CARGO_PROFILE_DEV_OPT_LEVEL", "2"),
    ("CARGO_PROFILE_TEST_OPT_LEVEL", "2"),
];

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "delivery",
        shows: "journal to screen under every fault: each event once, in order, to whom it is for",
        test: &["--package", "unionflow-gateway", "--lib", "simulation"],
        variables: &[("UNIONFLOW_SIM_SEEDS", "20000")],
    },
    Scenario {
        name: "rules",
        shows: "random commands: every decision, balance and figure computed again from the journal alone",
        test: &["--package", "unionflow-service", "--test", "rules", "model"],
        variables: &[("UNIONFLOW_MODEL_SEEDS", "100"), ("UNIONFLOW_MODEL_STEPS", "1500")],
    },
    Scenario {
        name: "kill",
        shows: "200 runs of kill -9 under load: nothing acknowledged is lost, doubled or half done",
        test: &["--package", "unionflow-server", "--test", "kill"],
        variables: &[("UNIONFLOW_KILL_RUNS", "200")],
    },
    Scenario {
        name: "races",
        shows: "50 approvers race on 1,000 requests: each decided once, by the votes it needs",
        test: &["--package", "unionflow-server", "--test", "races", "fifty"],
        variables: &[("UNIONFLOW_RACE_REQUESTS", "1000"), ("UNIONFLOW_RACE_VOTES", "50")],
    },
    Scenario {
        name: "inputs",
        shows: "readers of frames, envelopes and files against arbitrary bytes",
        test: &[
            "--package",
            "unionflow-protocol",
            "--package",
            "unionflow-domain",
            "--package",
            "unionflow-gateway",
        ],
        variables: &[("PROPTEST_CASES", "20000")],
    },
    Scenario {
        name: "parsers",
        shows: "the readers of `fuzz/` against millions of inputs made from good ones",
        test: &["--package", "unionflow-server", "--test", "parsers"],
        variables: &[("UNIONFLOW_PARSER_INPUTS", "3000000")],
    },
];

/// The scenarios that are asked for; all where none is named.
pub(crate) fn chosen(names: &[String]) -> Result<Vec<&'static Scenario>, String> {
    if names.is_empty() {
        return Ok(SCENARIOS.iter().collect());
    }
    let find = |name: &String| {
        SCENARIOS.iter().find(|scenario| scenario.name == name).ok_or_else(|| {
            let known: Vec<&str> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
            format!("soak: there is no `{name}`; there are {}", known.join(", "))
        })
    };
    names.iter().map(find).collect()
}
