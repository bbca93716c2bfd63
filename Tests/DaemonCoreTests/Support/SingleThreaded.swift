import Testing

/// Tests of what a start does while it has one thread, and which therefore do not run beside each other: the list of
/// files that an aborted start removes belongs to the process.
@Suite("Steps of a single-threaded start", .serialized, .timeLimit(.minutes(20)))
enum SingleThreaded {}
