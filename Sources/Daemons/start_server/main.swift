// Server::Starter's superdaemon: binds sockets, starts a program with them, and replaces it without closing them.
do {
    try Start.main()
} catch {
    error.end()
}
