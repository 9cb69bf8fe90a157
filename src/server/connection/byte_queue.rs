//! A queue of bytes in one buffer: bytes that were received and not consumed yet, or that were not
//! sent yet. The queue knows no socket.

/// Bytes that are appended at the end and consumed from the front.
#[derive(Debug, Default)]
pub(crate) struct ByteQueue {
    bytes: Vec<u8>,
    /// The bytes before this index are consumed.
    start: usize,
}

impl From<Vec<u8>> for ByteQueue {
    fn from(bytes: Vec<u8>) -> ByteQueue {
        ByteQueue { bytes, start: 0 }
    }
}

impl ByteQueue {
    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.bytes.len()
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// Appends `bytes`. Consumed bytes are moved out of the way here and not in
    /// [`consume`](ByteQueue::consume): a batch of pipelined requests is then moved at most once.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.bytes.drain(..std::mem::take(&mut self.start));
            self.bytes.extend_from_slice(bytes);
        }
    }

    /// Removes `count` bytes from the front.
    pub(crate) fn consume(&mut self, count: usize) {
        self.start += count;
        if self.is_empty() {
            self.bytes.clear();
            self.start = 0;
        }
    }

    /// Reduces the capacity of an empty queue to `keep_bytes`.
    pub(crate) fn shrink(&mut self, keep_bytes: usize) {
        self.bytes.shrink_to(keep_bytes);
    }

    /// Returns the bytes that are not consumed.
    pub(crate) fn into_vec(mut self) -> Vec<u8> {
        self.bytes.drain(..self.start);
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::ByteQueue;

    #[test]
    fn bytes_leave_in_the_order_in_which_they_came() {
        let mut queue = ByteQueue::from(b"abc".to_vec());
        queue.consume(2);
        assert_eq!(queue.as_slice(), b"c");
        queue.push(b"");
        queue.push(b"de");
        assert_eq!(queue.as_slice(), b"cde");
        queue.consume(3);
        assert!(queue.is_empty());
        queue.push(b"fg");
        queue.consume(1);
        assert_eq!(queue.into_vec(), b"g");
    }
}
