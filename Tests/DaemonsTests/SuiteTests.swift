import Foundation
import Testing
import Unix

/// The suites that know the daemons from outside only. They are scripts, because they run against other programs too.
@Suite("Outside suites", .enabled(if: Machine.has("python3"), "needs python3"), .serialized)
struct SuiteTests {
    private func passes(_ script: String, _ arguments: [String]) throws {
        let folder = try Folder()
        let path = "\(Product.repository)/Tests/\(script)"
        let outcome = try run(
            folder, try #require(Machine.find("python3")), [path] + arguments, limit: .seconds(600))
        let last = outcome.output.split(separator: "\n").last.map(String.init) ?? ""
        // What failed, with what it says of it, wherever it stands.
        let lines = outcome.output.split(separator: "\n")
        let failed = lines.indices.filter { lines[$0].hasPrefix("FAIL") }
            .flatMap { lines[$0..<min($0 + 12, lines.count)] }.joined(separator: "\n")
        #expect(outcome.code == 0, "\(failed)\n\(outcome.output.suffix(1000))\n\(outcome.errors.suffix(2000))")
        let isGood = ["skipped:", "ok: "].contains(where: last.hasPrefix) || last.contains(/^\d+ passed, 0 failed/)
        #expect(isGood, "\(last)")
        print("\(script): \(last)")
    }

    @Test("Conformance, seen from outside")
    func conformance() throws { try passes("Conformance/conformance.py", ["--echod", Product.echod, "--no-peers"]) }

    @Test("Deployment files, proven with the real tools")
    func deployment() throws { try passes("Deployment/deployment.py", ["--echod", Product.echod]) }

    @Test("Every system call of the start-up fails once", .enabled(if: Machine.has("strace"), "needs strace"))
    func sweep() throws { try passes("Sweep/sweep.py", ["--echod", Product.echod]) }

    @Test("start_server against its specification, with the real Perl clients where they are installed")
    func startServer() throws { try passes("StartServer/start_server.py", ["--subject", Product.startServer]) }

    @Test("No request fails over reloads and upgrades of start_server")
    func load() throws {
        let figures = ["--seconds", "15", "--hups", "50", "--upgrades", "5", "--notify"]
        try passes("StartServer/load.py", ["--subject", Product.startServer] + figures)
    }

    @Test("A storm of HUPs with a TERM in it ends, and leaves nothing")
    func storm() throws {
        try passes("StartServer/storm.py", ["--subject", Product.startServer, "--rounds", "10"])
    }

    @Test("masterd and --workers against their specification, with HAProxy's faults by their names")
    func masterWorker() throws {
        try passes("MasterWorker/master_worker.py", ["--bin", Product.folder, "--quiet"])
    }

    @Test("No request fails over reloads and upgrades of masterd and of a daemon with workers")
    func masterWorkerLoad() throws {
        let figures = ["--seconds", "6", "--reloads", "20", "--upgrades", "3"]
        try passes("MasterWorker/load.py", ["--bin", Product.folder] + figures)
    }

    @Test("Masters end whenever they are told to, reload in a storm, and their workers leave when they die")
    func masterWorkerStorm() throws {
        try passes("MasterWorker/storm.py", ["--bin", Product.folder, "--reloads", "100"])
    }

    /// All of them take minutes: other ones each time.
    @Test("The simulation catches mutations of the engine", .enabled(if: Machine.has("swiftc"), "needs swiftc"))
    func mutations() throws { try passes("Mutations/mutations.py", ["--sample", "16"]) }
}
