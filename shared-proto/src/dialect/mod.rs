//! Topics and message formats: each dialect translates between this crate's model and one wire.

pub mod edgex;
pub mod lab;
pub mod native;
pub mod site;

/// A topic, never longer than [`crate::limits::MAX_TOPIC`].
pub type Topic = heapless::String<{ crate::limits::MAX_TOPIC }>;

/// Joins levels with `/`. The ids' own limits keep the sum within [`Topic`].
fn join(levels: [&str; 3]) -> Topic {
    let mut topic = Topic::new();
    for (position, level) in levels.into_iter().enumerate() {
        if position > 0 {
            let _ = topic.push('/');
        }
        let _ = topic.push_str(level);
    }
    topic
}
