//! The rules, through the real use cases on a real store.

mod rules {
    mod checkpoints;
    mod codes;
    mod days;
    mod decisions;
    mod faults;
    mod governance;
    mod inbound;
    mod keys;
    mod leaving;
    mod limits;
    mod model;
    mod relay;
    mod replay;
    mod scene;
}
