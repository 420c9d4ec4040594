//! The whole program, from the outside. A table of contents:
//!
//! * `world`: a pretend account with a pipeline beside it, in simulated time
//! * `truth`: tells records apart
//! * `seeds`: hundreds of seeded runs with faults and crashes, each event exactly once
//! * `turns`: several processes on one checkpoint, of which one works
//! * `backfill`: history in slices, within our share of the rate budget
//! * `defects`: what other collectors get wrong, one test each
//! * `lists`: what is read as a whole, before sinks that hold it, and changes that no time tells apart
//! * `isolation`: streams and accounts that fail, beside others that do not
//! * `poison`: pages that cannot be read, beside the rest of their stream
//! * `webhooks`: what Zendesk sends by itself, over real sockets
//! * `delivery`: how events get to sinks, and what becomes of those that none will take
//! * `transforms`: events through programs and conditions, each once all the same
//! * `pages`: records in their pages' envelopes, each in one of them
//! * `schemas`: records in the words of ECS, OCSF, UDM and CIM, held against what those publish
//! * `rules`: what public detections look for, and records that they find it in
//! * `detections`: what detections match on comes out of every sink as it went in
//! * `enrichment`: who did something, said beside it
//! * `redaction`: what is personal does not leave
//! * `answers`: answers that are too large, too late or never come, and records in rare shapes
//! * `client`: what the client does with answers, credentials and links
//! * `month`: thirty days in one run, with all that happens to an account
//! * `rotation`: tokens that are replaced with each renewal, by several processes that may die
//! * `binary`: starts the real binary, and a pretend account for it
//! * `program`: the real binary: what it prints and how it ends
//! * `docs`: the pages under `docs/` say what the program does
//! * `examples`: the example configs, each against what its destination documents
//! * `kill`: the real binary, killed at random moments
//! * `deploy`: what stands under `deploy/` fits the program
//! * `catalogue`: the streams there are, each as the account has it
//! * `house`: the rules of the house, held by reading the code

mod answers;
mod backfill;
mod binary;
mod catalogue;
mod client;
mod defects;
mod delivery;
mod deploy;
mod detections;
mod docs;
mod enrichment;
mod examples;
mod house;
mod isolation;
mod kill;
mod lists;
mod month;
mod pages;
mod poison;
mod program;
mod redaction;
mod rotation;
mod rules;
mod schemas;
mod seeds;
mod transforms;
mod truth;
mod turns;
mod webhooks;
mod world;
