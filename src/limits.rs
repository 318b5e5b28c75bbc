//! Every bound of the program, by subject, each with its reason. (The range of a setting stands
//! where the setting is declared: `config/schema`.)

mod abuse;
mod cluster;
mod doctor;
mod domain;
mod history;
mod journal;
mod login;
mod network;
mod operation;
mod protocol;
mod relay;
mod report;
mod settings;
mod sharing;
mod timeline;
mod watching;

pub use abuse::*;
pub use cluster::*;
pub use doctor::*;
pub use domain::*;
pub use history::*;
pub use journal::*;
pub use login::*;
pub use network::*;
pub use operation::*;
pub use protocol::*;
pub use relay::*;
pub use report::*;
pub use settings::*;
pub use sharing::*;
pub use timeline::*;
pub use watching::*;
