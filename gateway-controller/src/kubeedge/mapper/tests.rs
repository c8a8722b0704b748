use shared_proto::dialect::lab::Observed;
use shared_proto::mode::Mode;
use shared_proto::policy::PolicyConfig;
use shared_proto::units::Ratio;

use super::*;
use crate::fleet::{Rule, Settings, Timing, WantedBy};
use crate::kubeedge::plan::Content;
use crate::kubeedge::resource::Declared;

/// A mapper whose EdgeCore is this test.
struct Site {
    mapper: Mapper,
    fleet: Fleet,
    calls: mpsc::Receiver<Call>,
    _tell: mpsc::Sender<News>,
    now_ms: u64,
}

impl Site {
    fn new() -> Self {
        let (tell, news) = mpsc::channel(1);
        let (send, calls) = mpsc::channel(1);
        let timing = Timing::new(15_000, 500, 10_000).unwrap();
        let mut fleet = Fleet::new(Settings { rule: Rule::Decide(PolicyConfig::default()), timing, max_devices: 3 }, 0);
        fleet.link_up(1, &mut Vec::new());
        let task = Task(tokio::spawn(std::future::pending()));
        Self { mapper: Mapper::new(30_000, news, send, task), fleet, calls, _tell: tell, now_ms: 0 }
    }

    fn take(&mut self, news: News) {
        let now = Moment::from_millis(self.now_ms);
        self.mapper.take(news, now, &mut self.fleet, &mut Refusals::default(), &mut Vec::new());
    }

    fn register(&mut self, list: Vec<Declaration>) {
        self.take(News::Registering);
        self.take(News::Registered(list));
    }

    fn heard(&mut self) {
        let observed = Observed { miss_rate: Ratio::ZERO, mode: Some(Mode::Normal) };
        let now = Moment::from_millis(self.now_ms);
        self.fleet.lab(now, &device(), &observed, &mut Vec::new()).unwrap();
    }

    /// Lets two seconds pass; EdgeCore answers. Its calls.
    fn pass(&mut self) -> Vec<Call> {
        let mut made = Vec::new();
        for _ in 0..8 {
            self.now_ms += 250;
            self.mapper.tick(Moment::from_millis(self.now_ms), &mut self.fleet, &mut Vec::new());
            if let Ok(call) = self.calls.try_recv() {
                made.push(call.clone());
                self.take(News::Done(call, Outcome::Taken));
            }
        }
        made
    }

    fn wanted(&self) -> (Option<Mode>, WantedBy) {
        let view = self.fleet.view_of(&device(), Moment::from_millis(self.now_ms)).unwrap();
        (view.wanted, view.wanted_by)
    }
}

fn device() -> DeviceId {
    "pi-01".parse().unwrap()
}

fn declared(desired: &str) -> Declaration {
    Ok(Declared {
        id: ResourceId { namespace: "default".to_owned(), name: "pi-01".to_owned() },
        device: device(),
        desired: Desired::of(desired),
        desired_text: TwinValue::of(desired),
        properties: vec![Property::Mode],
    })
}

#[tokio::test]
async fn a_wish_waits_for_its_device() {
    let mut site = Site::new();
    site.register(vec![declared("DEGRADED")]);
    site.pass();
    site.heard();
    site.pass();
    assert_eq!(site.wanted(), (Some(Mode::Degraded), WantedBy::Kubeedge));
}

#[tokio::test]
async fn the_same_list_again_does_not_undo_a_later_wish_at_the_gateway() {
    let mut site = Site::new();
    site.heard();
    site.register(vec![declared("DEGRADED")]);
    let now = Moment::from_millis(site.now_ms);
    site.fleet.wish(now, &device(), Some(Wish::Mode(Mode::Normal)), &mut Vec::new()).unwrap();
    site.take(News::Lost);
    site.register(vec![declared("DEGRADED")]);
    site.pass();
    assert_eq!(site.wanted(), (Some(Mode::Normal), WantedBy::SetMode));
    site.take(News::Declared(declared("RELEASE")));
    assert_eq!(site.wanted(), (None, WantedBy::Kubeedge));
    site.take(News::Removed(ResourceId { namespace: "default".to_owned(), name: "pi-01".to_owned() }));
    assert_eq!(site.wanted(), (Some(Mode::Normal), WantedBy::Policy));
}

#[tokio::test]
async fn a_declaration_that_goes_and_comes_back_undoes_no_wish_at_the_gateway() {
    let mut site = Site::new();
    site.heard();
    site.register(vec![declared("DEGRADED")]);
    let now = Moment::from_millis(site.now_ms);
    site.fleet.wish(now, &device(), Some(Wish::Mode(Mode::Normal)), &mut Vec::new()).unwrap();
    let stands = (Some(Mode::Normal), WantedBy::SetMode);
    site.register(vec![]);
    assert_eq!(site.wanted(), stands, "its end ends the cloud's own wish alone");
    site.register(vec![declared("DEGRADED")]);
    assert_eq!(site.wanted(), stands, "it is the same as it was");
    site.take(News::Declared(declared("degraded")));
    assert_eq!(site.wanted(), stands);
    site.take(News::Declared(declared("AUTO")));
    site.take(News::Declared(declared("DEGRADED")));
    assert_eq!(site.wanted(), (Some(Mode::Degraded), WantedBy::Kubeedge), "edited");
    site.register(vec![]);
    assert_eq!(site.wanted(), (Some(Mode::Normal), WantedBy::Policy));
    site.register(vec![declared("DEGRADED")]);
    assert_eq!(site.wanted(), (Some(Mode::Degraded), WantedBy::Kubeedge));
}

#[tokio::test]
async fn an_unknown_word_is_shown_in_the_twin_and_changes_nothing() {
    let mut site = Site::new();
    site.heard();
    site.register(vec![declared("fast")]);
    let calls = site.pass();
    let twin = calls.iter().find_map(|call| match &call.content {
        Content::Twins(twins) => Some(twins[0].1.clone()),
        Content::State(_) => None,
    });
    let expected = Twin { observed_desired: TwinValue::of("fast"), reported: TwinValue::of("NORMAL") };
    assert_eq!(twin, Some(expected));
    assert_eq!(site.wanted(), (Some(Mode::Normal), WantedBy::Policy));
}

#[tokio::test]
async fn nothing_is_called_while_edgecore_is_away_and_everything_when_it_is_back() {
    let mut site = Site::new();
    site.heard();
    site.register(vec![declared("")]);
    assert_eq!(site.pass().len(), 3);
    site.take(News::Lost);
    assert_eq!(site.pass(), []);
    site.register(vec![declared("")]);
    assert_eq!(site.pass().len(), 3, "twins, state, and twins again");
}
