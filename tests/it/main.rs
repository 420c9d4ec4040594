//! The whole program, from the outside. A table of contents:
//!
//! * `world`: a pretend account with a pipeline beside it, in simulated time
//! * `seeds`: hundreds of seeded runs with faults and crashes, each event exactly once
//! * `defects`: what other collectors get wrong, one test each
//! * `client`: what the client does with answers, credentials and links
//! * `binary`: starts the real binary, and a pretend account for it
//! * `program`: the real binary: what it prints and how it ends
//! * `examples`: the example configs, each against what its destination documents
//! * `kill`: the real binary, killed at random moments
//! * `house`: the rules of the house, held by reading the code

mod binary;
mod client;
mod defects;
mod examples;
mod house;
mod kill;
mod program;
mod seeds;
mod world;
