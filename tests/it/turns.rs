//! Several processes on one checkpoint in a bucket: one works, the others stand by, and whoever dies
//! or is stopped is followed by another. Every event is there once.

use std::time::Duration;

use zenstream::simulator::Settings;

use crate::seeds::{Choices, over_seeds};
use crate::world::{Life, Reading, World, assert_exactly};

const SEEDS: u64 = 60;

/// A history, and objects to put it in.
fn world(seed: u64, choices: &Choices) -> World {
    let reading = Reading { sinks: vec!["objects"], ..choices.reading() };
    let world = World::new(Settings { ..choices.settings(seed) }, reading);
    world.bucket.slow_down(Duration::from_millis(choices.between(0, 2_000)));
    world
}

fn assert_all_is_there_once(world: &World) {
    world.bucket.arrive();
    for stream in ["audit_logs", "tickets"] {
        assert_exactly(world, stream, &world.object_lines(stream), "the bucket");
    }
}

#[test]
fn processes_that_take_turns_deliver_every_event_once_however_they_end() {
    over_seeds("turns", SEEDS, |seed| {
        let choices = Choices::of(seed);
        let mut world = world(seed, &choices);
        for _ in 0..choices.between(1, 4) {
            let lives: Vec<_> = (0..choices.between(2, 3))
                .map(|_| {
                    let starts = Duration::from_millis(choices.between(0, 20_000));
                    let after = Duration::from_millis(choices.between(1, 120_000));
                    let life = match choices.between(1, 4) {
                        1 => Life::Stopped(after),
                        2 => Life::OnceOrCrash(after),
                        _ => Life::Crash(after),
                    };
                    (starts, life)
                })
                .collect();
            world.bucket.lose_answers(u32::try_from(choices.between(0, 2)).expect("small"));
            world.live_together(&lives);
            if choices.one_in(2) {
                world.bucket.arrive();
            }
        }
        world.wait(Duration::from_secs(400));
        world.live_together(&[(Duration::ZERO, Life::Once)]);
        assert_all_is_there_once(&world);
    });
}

#[test]
fn who_stands_by_goes_on_where_another_died() {
    over_seeds("standby", SEEDS / 2, |seed| {
        let choices = Choices::of(seed);
        let mut world = world(seed, &choices);
        // Whatever shows up late is there when it is looked for.
        world.wait(Duration::from_secs(400));
        let dies = Duration::from_millis(choices.between(1, 10_000));
        world.live_together(&[
            (Duration::ZERO, Life::Crash(dies)),
            (Duration::ZERO, Life::Crash(dies * 2)),
            (Duration::from_millis(1), Life::Stopped(Duration::from_secs(1_800))),
        ]);
        assert_all_is_there_once(&world);
    });
}
