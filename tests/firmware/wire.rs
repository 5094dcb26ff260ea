//! What went over a wire, from a capture of frames (pcap).

use std::collections::HashMap;

/// Sums over a capture.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Wire {
    /// Octets of all frames, both ways.
    pub octets: u64,
    /// Frames.
    pub frames: u64,
    /// Connections of TCP that were begun.
    pub connections: u64,
    /// How often an answer was waited for: data went one way and then the other, and once for each connection.
    pub round_trips: u64,
}

impl Wire {
    /// Reads a capture of Ethernet frames. What is no IPv4 counts only as octets.
    pub fn read(capture: &[u8]) -> Self {
        let mut wire = Self::default();
        // For each connection, by the device's port: whether the device was the last to send data.
        let mut asked = HashMap::new();
        let mut rest = capture.get(24..).unwrap_or_default();
        while let Some((head, frames)) = rest.split_at_checked(16) {
            let length = u32::from_le_bytes([head[8], head[9], head[10], head[11]]) as usize;
            let Some((frame, behind)) = frames.split_at_checked(length) else { break };
            rest = behind;
            wire.frames += 1;
            wire.octets += frame.len() as u64;
            let Some(segment) = Segment::read(frame) else { continue };
            if segment.begins {
                wire.connections += 1;
                wire.round_trips += 1;
            }
            if segment.has_data {
                let last = asked.insert(segment.port, segment.from_device);
                wire.round_trips += u64::from(last == Some(true) && !segment.from_device);
            }
        }
        wire
    }
}

struct Segment {
    from_device: bool,
    /// The device's.
    port: u16,
    begins: bool,
    has_data: bool,
}

impl Segment {
    fn read(frame: &[u8]) -> Option<Self> {
        let ip = frame.get(14..)?;
        let is_tcp = frame.get(12..14)? == [8, 0] && *ip.get(9)? == 6;
        if !is_tcp {
            return None;
        }
        let total = usize::from(u16::from_be_bytes([ip[2], ip[3]]));
        let header = usize::from(ip[0] & 0xF) * 4;
        let from_device = ip.get(12..16)? == [10, 0, 2, 15];
        let tcp = ip.get(header..total)?;
        let port = if from_device { tcp.get(..2)? } else { tcp.get(2..4)? };
        let data = usize::from(*tcp.get(12)? >> 4) * 4;
        // SYN without ACK.
        let begins = *tcp.get(13)? & 0x12 == 0x02;
        let port = u16::from_be_bytes([port[0], port[1]]);
        Some(Self { from_device, port, begins, has_data: tcp.len() > data })
    }
}
