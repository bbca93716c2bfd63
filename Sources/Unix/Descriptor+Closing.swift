extension Descriptor {
    /// Whether close(2) returns at once for a copy that is not the last one. Some file systems ask a server first, each
    /// time (FUSE, NFS): whoever holds up that server would hold up whoever closes. This call itself may wait for it.
    package static func closesAtOnce(_ number: Int32) -> Bool {
        #if os(Linux)
        // struct statfs, which libc hides from Swift: its first word is the kind, and all of it less than 256 bytes.
        var facts = [Int](repeating: 0, count: 256 / MemoryLayout<Int>.size)
        let answer = unsafe facts.withUnsafeMutableBufferPointer {
            unsafe SystemCall.fileSystem(number, $0)
        }
        return answer == 0 && harmless.contains(UInt32(truncatingIfNeeded: facts[0]))
        #else
        let kind = (try? FileStatus(descriptor: number))?.kind
        return kind == .socket || kind == .fifo
        #endif
    }

    #if os(Linux)
    /// Sockets, pipes, anonymous inodes, pidfds, namespaces, memory, and file systems on disks. statfs(2)
    private static let harmless: Set<UInt32> = [
        0x534F_434B, 0x5049_5045, 0x0904_1934, 0x5049_4446, 0x6E73_6673, 0x0102_1994, 0x9584_58F6, 0x8584_58F6, 0xEF53,
        0x5846_5342, 0x9123_683E, 0xF2F5_2010,
    ]
    #endif
}
