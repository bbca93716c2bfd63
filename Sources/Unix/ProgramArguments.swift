#if os(Linux)
import CUnix
#endif

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension CurrentProcess {
    /// The words of the command line, the program's name first, as the bytes that they are; none where the system does
    /// not tell them. First asked for by the first thread, before a variable is added to the environment.
    package static let arguments: [[UInt8]] = {
        #if os(Linux)
        if let words = argumentsOnStack() { return words }
        #endif
        return CommandLine.arguments.map { Array($0.utf8) }
    }()

    #if os(Linux)
    /// Swift's own list needs a readable /proc/self/maps, which a chroot or a container may lack. The kernel puts the
    /// number of words, their addresses, a null and the environment on the stack in this order, and `environ` begins
    /// there in glibc and in musl, until somebody adds a variable. execve(2), elf(5)
    private static func argumentsOnStack() -> [[UInt8]]? {
        guard let environment = unsafe cunix_environ() else { return nil }
        var here = 0
        let local = unsafe withUnsafeBytes(of: &here) { Int(bitPattern: $0.baseAddress) }
        let distance = Int(bitPattern: environment).subtractingSaturated(local)
        // Elsewhere there is no such order: the environment was moved, or this is another thread. 64 MiB: ARG_MAX is 6.
        guard (0..<64 << 20).contains(distance), unsafe environment[-1] == nil else { return nil }
        var count = 0
        // A number of words is no address: the first that says how many were passed is it.
        while unsafe UInt(bitPattern: environment[-2 - count]) != UInt(bitPattern: count) {
            guard unsafe environment[-2 - count] != nil, count < 1 << 20 else { return nil }
            count += 1
        }
        var words: [[UInt8]] = []
        for index in stride(from: -1 - count, to: -1, by: 1) {  // bounded: a step of 1
            guard let text = unsafe environment[index] else { return nil }
            unsafe words.append(Array(UnsafeRawBufferPointer(start: text, count: strlen(text))))
        }
        return words
    }
    #endif
}
