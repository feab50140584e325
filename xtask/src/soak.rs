//! `cargo xtask soak`: the long form of the tests that draw at random. Each prints what it did, and its seed if it fails.

/// A long run.
pub(crate) struct Scenario {
    /// Its name on the command line.
    pub(crate) name: &'static str,
    /// What it shows.
    pub(crate) shows: &'static str,
    /// The test, for `cargo test`.
    pub(crate) test: &'static [&'static str],
    /// How long a form it is to have, where the environment does not say.
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
    Scenario {
        name: "broker-killed",
        shows: "the broker is killed and started again under load: each client sees each event once, in order",
        test: &["--package", "unionflow-server", "--test", "cluster", "broker_killed"],
        variables: &[("UNIONFLOW_FAULT_RUNS", "20")],
    },
    Scenario {
        name: "broker-paused",
        shows: "the broker stands still for a minute: the same",
        test: &["--package", "unionflow-server", "--test", "cluster", "broker_paused"],
        variables: &[("UNIONFLOW_FAULT_RUNS", "5"), ("UNIONFLOW_FAULT_PAUSE_SECONDS", "60")],
    },
    Scenario {
        name: "gateways-killed",
        shows: "two of three gateways are killed at random while 200 clients follow: the same",
        test: &["--package", "unionflow-server", "--test", "cluster", "gateways_killed"],
        variables: &[("UNIONFLOW_FAULT_RUNS", "20")],
    },
    Scenario {
        name: "postgres-restarted",
        shows: "PostgreSQL is stopped, and killed, and started again under load: the same",
        test: &["--package", "unionflow-server", "--test", "cluster", "postgres_restarted"],
        variables: &[("UNIONFLOW_FAULT_RUNS", "20")],
    },
    Scenario {
        name: "api-killed",
        shows: "the api process that publishes is killed between commit and publish, clients on gateways: the same",
        test: &["--package", "unionflow-server", "--test", "cluster", "api_killed"],
        variables: &[("UNIONFLOW_FAULT_RUNS", "50")],
    },
    Scenario {
        name: "kafka-cut",
        shows: "the network between a server and Kafka is cut, one-way, half-open, slow, each in each run: the same",
        test: &["--package", "unionflow-server", "--test", "cluster", "kafka_cut"],
        variables: &[("UNIONFLOW_FAULT_RUNS", "7"), ("UNIONFLOW_FAULT_CUT_SECONDS", "30")],
    },
    Scenario {
        name: "restored",
        shows: "a backup is restored while what it undoes is still in the topics: nobody is shown it",
        test: &["--package", "unionflow-server", "--test", "cluster", "restored"],
        variables: &[("UNIONFLOW_FAULT_RUNS", "20")],
    },
    Scenario {
        name: "wrong-clock",
        shows: "two servers whose clocks are ten minutes wrong, one ahead and one behind: the same",
        test: &["--package", "unionflow-server", "--test", "cluster", "wrong_clock"],
        variables: &[("UNIONFLOW_FAULT_RUNS", "20")],
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
