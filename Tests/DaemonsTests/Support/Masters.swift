import DaemonTestKit
import Unix

extension TestDirectory {
    /// The pids of a service's current children, as the master at the control socket says.
    func pids(of service: String) throws -> [ProcessID] {
        let rows = try ask("show proc").split(separator: "\n").prefix { !$0.hasPrefix("# old programs") }
        return rows.compactMap { row in
            let cells = row.split(separator: " ")
            return cells.count > 1 && cells[1] == service ? ProcessID(cells[0]) : nil
        }
    }
}

extension SocketAddress {
    /// A connection of its own that says hello, and throws where it gets no echo.
    @Sendable func askForEcho() throws {
        guard try Client(self).echoes("hello") else { throw NoEcho() }
    }
}

struct NoEcho: Error {}
