//! What is known of a user's domain, in words.

use super::domain::{DomainCheck, MxAnswer, MxHost, NotChecked};
use super::words::{Words, verbatim};
use crate::net::ResolverChoice;

impl Words {
    /// What came of checking the domain of a login; none where that has none. `asked` is named
    /// where it says that there is no such domain: a broken resolver says so of each.
    #[must_use]
    pub fn domain(
        &self,
        domain: Option<&str>,
        check: &DomainCheck,
        asked: ResolverChoice,
    ) -> String {
        let domain = ("domain", verbatim(domain.unwrap_or_default()));
        match check {
            DomainCheck::NotChecked(NotChecked::Off) => self.say("domain-off"),
            DomainCheck::NotChecked(NotChecked::NoDomain) => self.say("domain-none"),
            DomainCheck::NotChecked(NotChecked::NoAnswer) => {
                self.tell("domain-unanswered", &[domain])
            }
            DomainCheck::NotChecked(NotChecked::Failed(why)) => {
                self.tell("domain-failed", &[domain, ("why", verbatim(why))])
            }
            DomainCheck::NotChecked(NotChecked::Busy) => self.tell("domain-busy", &[domain]),
            DomainCheck::NoSuchDomain => self.tell(
                "domain-missing",
                &[domain, ("server", self.dns_server(asked).into())],
            ),
            DomainCheck::NoMx => self.tell(
                "domain-without-mx",
                &[domain, ("server", self.dns_server(asked).into())],
            ),
            DomainCheck::NullMx => self.tell("domain-takes-no-mail", &[domain]),
            DomainCheck::Mx(hosts) => {
                let hosts: Vec<_> = hosts.iter().map(|host| self.mail_host(host)).collect();
                self.tell(
                    "domain-exists",
                    &[domain, ("hosts", hosts.join("; ").into())],
                )
            }
        }
    }

    fn dns_server(&self, asked: ResolverChoice) -> String {
        match asked {
            ResolverChoice::Server(address) => {
                self.tell("dns-at", &[("address", address.to_string().into())])
            }
            ResolverChoice::System | ResolverChoice::Off => self.say("dns-of-system"),
        }
    }

    fn mail_host(&self, host: &MxHost) -> String {
        let answer = match &host.answer {
            MxAnswer::Greeted(line) => self.tell("mx-greeted", &[("line", verbatim(line))]),
            MxAnswer::TurnedAway(line) => self.tell("mx-turned-away", &[("line", verbatim(line))]),
            MxAnswer::NotSmtp(line) => self.tell("mx-not-smtp", &[("line", verbatim(line))]),
            MxAnswer::Closed => self.say("mx-closed"),
            MxAnswer::Silent => self.say("mx-silent"),
            MxAnswer::NoAnswer => self.say("mx-no-answer"),
            MxAnswer::Refused => self.say("mx-refused"),
            MxAnswer::Unreachable(why) => self.tell("mx-unreachable", &[("why", verbatim(why))]),
            MxAnswer::NoAddress => self.say("mx-no-address"),
            MxAnswer::AddressUnknown => self.say("mx-address-unknown"),
            MxAnswer::NotPublic => self.say("mx-not-public"),
            MxAnswer::NotAsked => self.say("mx-not-asked"),
        };
        let name = match host.address {
            Some(address) => format!("{} [{address}]", host.name),
            None => host.name.clone(),
        };
        let id = match host.is_implicit {
            true => "mx-implicit",
            false => "mx",
        };
        self.tell(id, &[("host", verbatim(&name)), ("answer", answer.into())])
    }
}
