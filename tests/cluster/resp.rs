//! A small client of the engine for tests of the scripts, which so do without the product's own.

use popgate::cluster::protocol::EngineReply;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

pub(crate) struct Connection(BufReader<TcpStream>);

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
            .set_read_timeout(Some(crate::redis::PATIENCE))
            .unwrap();
        Self(BufReader::new(stream))
    }

    /// Sends commands in one piece.
    pub(crate) fn send(&mut self, commands: &[Vec<Vec<u8>>]) {
        let mut octets = Vec::new();
        for command in commands {
            write!(octets, "*{}\r\n", command.len()).unwrap();
            for word in command {
                write!(octets, "${}\r\n", word.len()).unwrap();
                octets.extend_from_slice(word);
                octets.extend_from_slice(b"\r\n");
            }
        }
        self.0.get_mut().write_all(&octets).unwrap();
    }

    /// One reply; an error is the engine's.
    pub(crate) fn receive(&mut self) -> Result<EngineReply, String> {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        let line = line.trim_end();
        let (kind, rest) = line.split_at(1);
        Ok(match kind {
            "+" => EngineReply::Bytes(rest.into()),
            "-" => return Err(rest.to_owned()),
            ":" => EngineReply::Int(rest.parse().unwrap()),
            "$" if rest == "-1" => EngineReply::Nil,
            "$" => {
                let mut octets = vec![0; rest.parse::<usize>().unwrap() + 2];
                self.0.read_exact(&mut octets).unwrap();
                octets.truncate(octets.len() - 2);
                EngineReply::Bytes(octets)
            }
            "*" => {
                let count = rest.parse::<usize>().unwrap();
                EngineReply::List(
                    (0..count)
                        .map(|_| self.receive())
                        .collect::<Result<_, _>>()?,
                )
            }
            _ => panic!("{line}"),
        })
    }

    /// The replies to commands, of which none may fail.
    pub(crate) fn ask(&mut self, commands: &[Vec<Vec<u8>>]) -> Vec<EngineReply> {
        self.send(commands);
        commands.iter().map(|_| self.receive().unwrap()).collect()
    }
}

/// A command without arguments that have blanks.
pub(crate) fn words(text: &str) -> Vec<Vec<u8>> {
    text.split(' ').map(|word| word.into()).collect()
}
