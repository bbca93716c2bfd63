import Unix

#if os(Linux)
/// What is open here, but for what Dispatch opens for itself whenever it likes.
package func openDescriptors() -> Set<String> {
    Set(
        Files.names(in: "/proc/self/fd").filter { name in
            var target = [CChar](repeating: 0, count: 256)
            guard readlink("/proc/self/fd/\(name)", &target, target.count - 1) > 0 else { return false }
            return !target.starts(with: "anon_inode:".utf8CString.dropLast())
        })
}
#endif
