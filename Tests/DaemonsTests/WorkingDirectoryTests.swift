import Foundation
import Testing
import Unix

@Suite("Relative paths count from the directory as the caller's shell knows it", .blocking, .timeLimit(.minutes(20)))
struct WorkingDirectoryTests {
    /// The pid file that the daemon prints when it is asked with a relative one in `releases/1`, where PWD is the name.
    private func pidFile(_ folder: TestDirectory, from name: String) throws -> String {
        let script = #"cd -P "$1" && shift && PWD="$1" exec "$2" --pid-file p --print-service=daemonctl"#
        let outcome = try folder.run(
            "/bin/sh", ["-c", script, "sh", folder["releases/1"], folder[name], Product.echod])
        let path = try #require(outcome.output.firstMatch(of: #/\npid-file (\S+)/#), "\(outcome)").1
        return String(path.hasPrefix(folder.path) ? path.dropFirst(folder.path.utf8.count + 1) : path)
    }

    private func scene() throws -> TestDirectory {
        let folder = try TestDirectory(mode: 0o755)
        for name in ["releases", "releases/1", "releases/2", "others", "hops"] {
            #expect(mkdir(folder[name], 0o755) == 0)
        }
        return folder
    }

    @Test("A link of the caller's to a release stays one; another directory's name, or none, is not believed")
    func ownLink() throws {
        let folder = try scene()
        #expect(symlink("releases/1", folder["current"]) == 0 && symlink("releases/2", folder["other"]) == 0)
        #expect(try pidFile(folder, from: "current") == "current/p")
        for name in ["other", "nothing", "current/../current", "releases/1"] {
            #expect(try pidFile(folder, from: name) == "releases/1/p")
        }
    }

    @Test(
        "A link that another user can make lead elsewhere is not on the way, wherever on it",
        .enabled(if: Machine.isRoot, "needs root"))
    func othersLink() throws {
        let folder = try scene()
        #expect(symlink(folder["releases/1"], folder["others/current"]) == 0)
        // Root's own link, which leads through the other user's.
        #expect(symlink("others/current", folder["current"]) == 0)
        #expect(symlink(folder["releases/1"], folder["hops/current"]) == 0)
        #expect(try pidFile(folder, from: "others/current") == "others/current/p")
        #expect(try pidFile(folder, from: "current") == "current/p")
        #expect(chown(folder["others"], 65534, 65534) == 0)
        #expect(try pidFile(folder, from: "others/current") == "releases/1/p")
        #expect(try pidFile(folder, from: "current") == "releases/1/p")
        // Whoever may write there can put another link in its place.
        #expect(try pidFile(folder, from: "hops/current") == "hops/current/p")
        #expect(chmod(folder["hops"], 0o777) == 0)
        #expect(try pidFile(folder, from: "hops/current") == "releases/1/p")
    }
}
