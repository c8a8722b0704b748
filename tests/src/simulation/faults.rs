//! What can go wrong, and what changes.

use device_agent::store::Trouble;
use shared_proto::mode::Mode;

use super::broker::Store;
use super::dice::Dice;
use super::network::End;
use super::plan::GatewayFate;
use super::task::Load;
use super::trace::Node;

/// Something that happens to the world at a time.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fault {
    /// The load of a device is now this one.
    Load { device: usize, load: Load },
    /// A connection is cut; these ends hear of it.
    Cut { node: Node, told: Told },
    /// Nothing arrives at this end of a client's connections for a while.
    Partition { node: Node, way: Way, ms: u64 },
    /// The broker is gone for a while.
    Broker { store: Store, ms: u64 },
    /// An agent is killed and comes back after a while; `None` is never.
    Kill { device: usize, power: Power, back_ms: Option<u64> },
    /// An agent ends in good order and comes back after a while.
    Stop { device: usize, back_ms: u64 },
    /// The controller is killed and comes back, with nothing remembered.
    GatewayKill { back_ms: u64 },
    /// A program does nothing for a while: its machine is busy.
    Stall { node: Node, ms: u64 },
    /// The wall clock of a device jumps by hours.
    ClockJump { device: usize, hours: u64 },
    /// One job takes this long.
    Hang { device: usize, ms: u64 },
    /// The disk of a device fails for a while; what is in memory does not.
    Disk { device: usize, trouble: Trouble, ms: u64 },
    /// An operator at the device holds a mode, then lets go.
    Hold { device: usize, mode: Mode, ms: u64 },
    /// An operator at the controller wants something of a device, then leaves it to the policy again.
    Wish { device: usize, wish: gateway_controller::fleet::Wish, ms: u64 },
}

/// Who hears that a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    Both,
    Client,
    Broker,
    Nobody,
}

impl Told {
    pub(super) fn ends(self) -> &'static [End] {
        match self {
            Self::Both => &[End::Client, End::Broker],
            Self::Client => &[End::Client],
            Self::Broker => &[End::Broker],
            Self::Nobody => &[],
        }
    }
}

/// Which way nothing gets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    ToBroker,
    ToClient,
    Both,
}

impl Way {
    pub(super) fn ends(self) -> &'static [End] {
        match self {
            Self::ToBroker => &[End::Broker],
            Self::ToClient => &[End::Client],
            Self::Both => &[End::Client, End::Broker],
        }
    }
}

/// How an agent dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Power {
    /// The process is killed; its system closes the connection.
    Stays,
    /// The machine loses power: nobody tells the broker.
    Fails,
}

pub(super) fn draw_fault(devices: usize, gateway: GatewayFate, dice: &mut Dice) -> Fault {
    let last = u64::try_from(devices).unwrap_or(1).saturating_sub(1);
    let device = usize::try_from(dice.between(0..=last)).unwrap_or(0);
    let node = match gateway {
        GatewayFate::Shared if dice.percent(30) => Node::Gateway,
        _ => Node::Device(device),
    };
    let short_or_long = |dice: &mut Dice| dice.one_of(300, &[2_000, 6_000, 20_000]);
    let a_while = |dice: &mut Dice| {
        let most = short_or_long(dice);
        dice.between(20..=most)
    };
    match dice.between(0..=99) {
        0..=11 => Fault::Cut { node, told: Told::Both },
        12..=21 => Fault::Cut { node, told: dice.one_of(Told::Client, &[Told::Broker, Told::Nobody]) },
        22..=43 => {
            Fault::Partition { node, way: dice.one_of(Way::Both, &[Way::ToBroker, Way::ToClient]), ms: a_while(dice) }
        }
        44..=49 if gateway == GatewayFate::Shared => {
            Fault::Broker { store: dice.one_of(Store::Kept, &[Store::Lost]), ms: dice.between(10..=4_000) }
        }
        44..=57 => {
            let power = dice.one_of(Power::Stays, &[Power::Fails]);
            let back_ms = dice.one_of(10, &[200, 3_000, 12_000]);
            Fault::Kill { device, power, back_ms: (!dice.percent(10)).then_some(back_ms) }
        }
        58..=61 => Fault::Stop { device, back_ms: dice.between(10..=5_000) },
        62..=66 => match node {
            Node::Gateway => Fault::GatewayKill { back_ms: dice.between(10..=8_000) },
            _ => Fault::Stall { node, ms: a_while(dice).min(6_000) },
        },
        67..=74 => Fault::Stall { node, ms: a_while(dice).min(6_000) },
        75..=78 => Fault::ClockJump { device, hours: dice.between(1..=48) },
        79..=81 => Fault::Disk {
            device,
            trouble: dice.one_of(Trouble::ReadOnly, &[Trouble::SyncFails, Trouble::FullAfter(2_000)]),
            ms: a_while(dice),
        },
        82..=84 => Fault::Hang { device, ms: dice.between(100..=4_000) },
        85..=91 => Fault::Hold { device, mode: dice.one_of(Mode::Normal, &[Mode::Degraded]), ms: a_while(dice) },
        _ => {
            use gateway_controller::fleet::Wish;
            let wish = dice.one_of(Wish::Release, &[Wish::Mode(Mode::Normal), Wish::Mode(Mode::Degraded)]);
            Fault::Wish { device, wish, ms: a_while(dice) }
        }
    }
}
