import DaemonKit
import Foundation
import Testing
import Unix

@Suite("The version, in one place", .blocking, .timeLimit(.minutes(20)))
struct VersionTests {
    @Test("Every executable says it", arguments: ["echod", "masterd", "daemonctl", "start_server"])
    func executables(name: String) throws {
        let outcome = try TestDirectory().run("\(Product.directory)/\(name)", ["--version"])
        #expect(outcome.output.hasSuffix(" \(releaseVersion)\n"), "\(outcome.output)")
    }

    /// Where a reader finds a version: each is this one.
    @Test(
        "Manual pages, guides and examples say it",
        arguments: [
            "etc/man/daemonctl.1", "etc/man/echod.8", "etc/man/masterd.8", "etc/man/masterd.cfg.5",
            "etc/man/start_server.1", "etc/README.md", "etc/kubernetes/echod.yaml", "etc/container/Containerfile.echod",
            "Sources/DaemonKit/DaemonKit.docc/ControlSocket.md", "Sources/DaemonKit/DaemonKit.docc/Compare.md",
            "Sources/DaemonKit/DaemonKit.docc/Deploy.md", "CHANGELOG.md",
        ])
    func documents(path: String) {
        // Three numbers: an address has four.
        let found = Set(
            text(of: path).split { !$0.isASCII || !($0.isNumber || $0 == ".") }
                .map { $0.split(separator: ".").joined(separator: ".") }
                .filter { $0.split(separator: ".").count == 3 })
        #expect(found == [releaseVersion], "\(path)")
    }
}
