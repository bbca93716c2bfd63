import DaemonKit

let interval = Option("interval", short: "i", default: 60, in: 1...3600, help: "Seconds between two ticks")

genericMain(Daemon("tickd", version: "1.0"), options: .standard + [interval]) { context in
    try context.ready()  // it serves from here on
    while await context.sleep(for: .seconds(context[interval])) {  // false when asked to stop
        context.log.info("tick")
    }
}
