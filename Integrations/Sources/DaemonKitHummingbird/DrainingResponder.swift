import DaemonKit
import HTTPTypes
import Hummingbird
import NIOCore

/// Answers probes, and tells HTTP/1 clients of a daemon that stops to come back by another connection.
struct DrainingResponder<Base: HTTPResponder>: HTTPResponder
where Base.Context: InitializableFromSource<ApplicationRequestContextSource> {
    let base: Base
    let context: DaemonKit.Context
    let probes: Probes?

    struct Context: InitializableFromSource, Sendable {
        let base: Base.Context
        /// Where connection headers are forbidden it is false: a stream of HTTP/2 is a channel within a connection's.
        let hasConnectionHeader: Bool

        init(source: ApplicationRequestContextSource) {
            base = Base.Context(source: source)
            hasConnectionHeader = source.channel.parent?.parent == nil
        }
    }

    func respond(to request: Request, context own: Context) async throws -> Response {
        var response =
            if let probe = answer(to: request.uri.path) { probe } else {
                try await base.respond(to: request, context: own.base)
            }
        if own.hasConnectionHeader, context.isStopping { response.headers[.connection] = "close" }
        return response
    }

    private func answer(to path: String) -> Response? {
        guard let probes else { return nil }
        if path == probes.health { return text(.ok, "ok\n") }
        guard path == probes.readiness else { return nil }
        if context.isStopping { return text(.serviceUnavailable, "stopping\n") }
        if context.isPaused { return text(.serviceUnavailable, "paused\n") }
        return text(.ok, "ready\n")
    }

    private func text(_ status: HTTPResponse.Status, _ text: String) -> Response {
        Response(
            status: status, headers: [.contentType: "text/plain; charset=utf-8"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }
}
