//! A few messages as they are found in maildrops (RFC 5322, RFC 2045 to 2047).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Plain text, an alternative in quoted-printable, an attachment, a long thread, a newsletter.
/// Lines end in CRLF; one begins with a dot.
#[must_use]
pub fn samples() -> Vec<Vec<u8>> {
    [
        plain_text(),
        alternative(),
        attachment(),
        long_thread(),
        newsletter(),
    ]
    .map(|text| text.replace('\n', "\r\n").into_bytes())
    .into()
}

/// A message with a photograph of about a megabyte: minutes of work for a slow line.
#[must_use]
pub fn photograph() -> Vec<u8> {
    let picture = (0..800_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]);
    let text = header(6, "Cleo <cleo@example.net>", "The harbour")
        + "Content-Type: image/jpeg; name=\"harbour.jpg\"
Content-Disposition: attachment; filename=\"harbour.jpg\"
Content-Transfer-Encoding: base64

" + &in_base64(&picture.collect::<Vec<u8>>());
    text.replace('\n', "\r\n").into_bytes()
}

/// A message to `mailbox` alone, whose length depends on `who` uses it.
#[must_use]
pub fn welcome(mailbox: &str, who: &str) -> Vec<u8> {
    let from = "The postmaster <postmaster@example.com>";
    let text = addressed(7, from, mailbox, "Your mailbox")
        + &format!(
            "Content-Type: text/plain; charset=us-ascii\n\nThis mailbox is used by {who}.\n"
        );
    text.replace('\n', "\r\n").into_bytes()
}

fn plain_text() -> String {
    header(1, "Ben Okafor <ben@example.org>", "Lunch on Thursday?")
        + "Content-Type: text/plain; charset=us-ascii

Hello Ann,

the place by the river has a table at noon. They file their hours under
.well-known
...of all places. See you there?

Ben
"
}

fn alternative() -> String {
    header(
        2,
        "=?UTF-8?Q?Zo=C3=AB_M=C3=BCller?= <zoe@example.net>",
        "=?UTF-8?B?R3LDvMOfZSBhdXMgS8O2bG4=?=",
    ) + "Content-Type: multipart/alternative; boundary=\"=_alt_7f3a\"

--=_alt_7f3a
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Gr=C3=BC=C3=9Fe aus K=C3=B6ln! Der Zug war p=C3=BCnktlich, das Wetter ist es=
 auch: es regnet um 14:00 =E2=82=AC-genau.

--=_alt_7f3a
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: quoted-printable

<p>Gr=C3=BC=C3=9Fe aus <b>K=C3=B6ln</b>! Der Zug war p=C3=BCnktlich, das Wet=
ter ist es auch: es regnet um 14:00 =E2=82=AC-genau.</p>

--=_alt_7f3a--
"
}

fn attachment() -> String {
    header(
        3,
        "Accounts <billing@example.com>",
        "Your invoice 2024-0317",
    ) + "Content-Type: multipart/mixed; boundary=\"----=_Part_3_0317\"

------=_Part_3_0317
Content-Type: text/plain; charset=utf-8

Please find your invoice attached.

------=_Part_3_0317
Content-Type: text/csv; name=\"invoice.csv\"
Content-Disposition: attachment; filename=\"invoice.csv\"
Content-Transfer-Encoding: base64

" + &invoice_in_base64()
        + "------=_Part_3_0317--\n"
}

/// A table of 20 KB.
fn invoice_in_base64() -> String {
    let rows = (1..=400).map(|n| format!("{n},Support hour {n:03},1,{}.50,EUR\n", 40 + n % 7));
    let table: String = std::iter::once("no,text,count,price,currency\n".to_owned())
        .chain(rows)
        .collect();
    in_base64(table.as_bytes())
}

/// In lines of 76 (RFC 2045 section 6.8).
fn in_base64(octets: &[u8]) -> String {
    octets
        .chunks(57)
        .map(|chunk| STANDARD.encode(chunk) + "\n")
        .collect()
}

fn long_thread() -> String {
    let references: String = (1..=24)
        .map(|n| format!("\n <2024031{}.{n:04}.thread@lists.example.org>", n % 10))
        .collect();
    header(
        4,
        "The list <list@lists.example.org>",
        "Re: Re: [list] Which port?",
    ) + "List-Id: <list.lists.example.org>
References:"
        + &references
        + "
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

> > 110 or 995?
> 995, of course.
995 — and 110 with STLS for what is old.
"
}

fn newsletter() -> String {
    let items: String = (1..=30)
        .map(|n| {
            format!(
                "<tr><td>{n}.</td><td><a href=\"https://example.com/{n}\">Story {n}</a></td></tr>\n"
            )
        })
        .collect();
    header(5, "Weekly <news@example.com>", "This week in 30 stories")
        + "List-Unsubscribe: <https://example.com/unsubscribe?u=ann>
Content-Type: text/html; charset=utf-8

<html><head><style>
.story { font: 14px sans-serif }
</style></head><body><table class=\"story\">
" + &items
        + "</table></body></html>\n"
}

fn header(number: u32, from: &str, subject: &str) -> String {
    addressed(number, from, "Ann <ann@example.org>", subject)
}

fn addressed(number: u32, from: &str, to: &str, subject: &str) -> String {
    format!(
        "Received: from mx.example.com (mx.example.com [192.0.2.25])\n\
         \tby pop.example.com with ESMTPS id 4TvX{number}0;\n\
         \tMon, 18 Mar 2024 09:1{number}:02 +0000\n\
         Date: Mon, 18 Mar 2024 09:1{number}:00 +0000\n\
         From: {from}\n\
         To: {to}\n\
         Message-ID: <20240318091{number}00.demo@example.com>\n\
         Subject: {subject}\n\
         MIME-Version: 1.0\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_a_message_in_crlf_lines_of_legal_length() {
        for message in samples()
            .into_iter()
            .chain([photograph(), welcome("dan@example.org", "a phone")])
        {
            let text = String::from_utf8(message).unwrap();
            let lines: Vec<_> = text.split_inclusive('\n').collect();
            assert!(lines.iter().all(|l| l.ends_with("\r\n") && l.len() <= 1000));
            assert_eq!(text.matches('\r').count(), lines.len());
            let (header, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(header.contains("\r\nMIME-Version: 1.0\r\n") && !body.is_empty());
            assert!(header.is_ascii());
        }
    }

    #[test]
    fn they_exercise_dot_stuffing() {
        assert!(samples()[0].windows(3).any(|w| w == b"\n.w"));
    }
}
