import DaemonKit
import DaemonKitGRPC
import DaemonKitLogging
import GRPCCore
import Greeting

struct Greeter: RegistrableRPCService {
    func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
        router.registerHandler(forMethod: sayHello, deserializer: Text(), serializer: Text()) { request, _ in
            let name = try await ServerRequest(stream: request).message
            return StreamingServerResponse(single: ServerResponse(message: "hello, \(name)"))
        }
    }
}

genericMain(Daemon("greeter", version: "1.0", listens: [.stream], port: 50051)) { context in
    context.bootstrapLogging()
    try await context.serve([Greeter()])
}
