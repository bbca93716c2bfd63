/// What libFuzzer calls: FUZZ_TARGET names which of the targets it is to try.
///
/// A target's promise that does not hold is a trap, which libFuzzer reports with the input, as it does every other.

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

typealias Target = @Sendable ([UInt8]) -> Void

let targets: [String: Target] = [
    "control": tryControl, "notify": tryNotify, "channel": tryChannel, "configuration": tryConfiguration,
    "registry": tryRegistry, "state": tryState, "environment": tryEnvironment, "commandline": tryCommandLine,
    "answer": tryAnswer,
]

private func chosen() -> Target {
    let name = unsafe getenv("FUZZ_TARGET").map { unsafe String(cString: $0) } ?? ""
    guard let target = targets[name] else {
        fatalError("FUZZ_TARGET is none of \(targets.keys.sorted().joined(separator: ", "))")
    }
    return target
}

private let target = chosen()

private typealias Arguments = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>, _ arguments: UnsafeMutablePointer<Arguments>,
    _ tryOneInput: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// SwiftPM makes this name of an executable's entry point, and so libFuzzer's own `main` is not linked.
@_cdecl("fuzz_main")
public func fuzzMain(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> CInt {
    var (count, arguments) = unsafe (count, arguments)
    return unsafe runDriver(&count, &arguments) { start, count in
        unsafe target(Array(UnsafeBufferPointer(start: start, count: count)))
        return 0
    }
}
