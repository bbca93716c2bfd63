import Simulation

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

// The program that mutations.py runs with each engine: histories SEED COUNT. Ends with 1 at the first violation.
let arguments = CommandLine.arguments.dropFirst().compactMap { UInt64($0) }
var events = 0
for index in 0..<arguments[1] {
    do {
        events += try Simulation.run(Seeded(arguments[0] + index))
    } catch {
        print("\(error.violation.rule) (seed \(arguments[0] + index), history \(index + 1))")
        exit(1)
    }
}
print("\(arguments[1]) histories, \(events) events")
