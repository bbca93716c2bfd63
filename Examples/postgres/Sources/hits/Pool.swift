import CPostgres
import Dispatch

/// What libpq says is wrong.
struct DatabaseError: Error, CustomStringConvertible {
    let description: String

    init(_ connection: OpaquePointer?) {
        let message = String(cString: PQerrorMessage(connection))
        // Its messages end with a line break, and begin further lines with a tab.
        description = "database: " + message.dropLast().replacing("\n\t", with: " ")
    }
}

/// One connection. libpq blocks its thread, so it has a queue of its own, and is used there only.
final class Connection: @unchecked Sendable {
    private let queue = DispatchQueue(label: "postgres")
    private let handle: OpaquePointer?

    init(_ address: String) throws {
        handle = PQconnectdb(address)
        if PQstatus(handle) != CONNECTION_OK { throw DatabaseError(handle) }
    }

    deinit { PQfinish(handle) }

    /// The first value of the first row.
    func query(_ statement: String) async throws -> String {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Result { try self.execute(statement) }) }
        }
    }

    private func execute(_ statement: String) throws -> String {
        // The server was away: once more, and then it is an error.
        if PQstatus(handle) != CONNECTION_OK { PQreset(handle) }
        let result = PQexec(handle, statement)
        defer { PQclear(result) }
        guard PQresultStatus(result) == PGRES_TUPLES_OK, PQntuples(result) > 0 else { throw DatabaseError(handle) }
        return String(cString: PQgetvalue(result, 0, 0))
    }
}

/// Some connections; who finds none of them free waits.
actor Pool {
    private var free: [Connection]
    private var waiting: [CheckedContinuation<Connection, Never>] = []

    /// Opens all of them.
    init(_ address: String, count: Int) async throws {
        free = try await withThrowingTaskGroup { opening in
            for _ in 0..<count { opening.addTask { try await Self.open(address) } }
            return try await opening.reduce(into: []) { $0.append($1) }
        }
    }

    func query(_ statement: String) async throws -> String {
        let connection = await take()
        defer { give(connection) }
        return try await connection.query(statement)
    }

    private static func open(_ address: String) async throws -> Connection {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(with: Result { try Connection(address) }) }
        }
    }

    private func take() async -> Connection {
        if let connection = free.popLast() { return connection }
        return await withCheckedContinuation { waiting.append($0) }
    }

    private func give(_ connection: Connection) {
        if waiting.isEmpty { free.append(connection) } else { waiting.removeFirst().resume(returning: connection) }
    }
}
