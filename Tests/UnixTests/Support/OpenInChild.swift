import Unix

#if os(Linux)
/// What a program that is started finds open, by its own directory of descriptors.
enum OpenInChild {
    /// `pipe:[inode]`, as the link of a descriptor of ours reads.
    static func link(_ descriptor: Int32) throws -> String {
        "pipe:[\(try FileStatus(descriptor: descriptor).identity.inode)]"
    }

    /// The links of these numbers in a child that gets the descriptors.
    static func links(_ numbers: [Int32], _ descriptors: [(child: Int32, ours: Int32)]) throws -> [String] {
        var spawn = Spawn("/usr/bin/readlink", numbers.map { "/proc/self/fd/\($0)" })
        spawn.descriptors = descriptors
        return try output(of: spawn).split(separator: "\n").map(String.init)
    }
}
#endif
