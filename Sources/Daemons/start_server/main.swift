// Server::Starter's superdaemon: binds sockets, starts a program with them, and replaces it without closing them.
do {
    try StartServer.main()
} catch {
    error.end()
}
