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

@_cdecl("LLVMFuzzerTestOneInput")
public func tryOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    unsafe target(Array(UnsafeBufferPointer(start: start, count: count)))
    return 0
}
