package main

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/go-zookeeper/zk"
)

// secured speaks TLS, which this client leaves to a dialer of its user's.
func secured(direct, through string) {
	check("TLS with a certificate, which is an identity, also after a cut", func() {
		c := connectBy(dialer(true), through, 20*time.Second)
		defer c.Close()
		_, err := c.Create("/go/tls", []byte("x"), 0, zk.AuthACL(zk.PermAll))
		must(err)
		acl, _, err := c.GetACL("/go/tls")
		must(err)
		that(len(acl) == 1 && acl[0].Scheme == "x509" && acl[0].ID == "CN=client", "%v", acl)
		plain := connect(direct, 20*time.Second)
		defer plain.Close()
		_, _, err = plain.Get("/go/tls")
		refused(err, zk.ErrNoAuth)
		order("proxy cut")
		c.hears(zk.StateDisconnected)
		c.hears(zk.StateHasSession)
		read := bytesOf(c.Get("/go/tls"))
		that(string(read) == "x", "read %q", read)
		got(c.Set("/go/tls", make([]byte, 500_000), -1))
		read = bytesOf(c.Get("/go/tls"))
		that(len(read) == 500_000, "read %d bytes", len(read))
	})
	check("TLS without a certificate is refused", func() {
		conn, err := dialer(false)("tcp", direct, patience)
		if err == nil {
			// With TLS 1.3 a client learns it when it reads.
			defer conn.Close()
			must(conn.SetReadDeadline(time.Now().Add(patience)))
			_, err = conn.Read(make([]byte, 1))
		}
		timeout, ok := err.(net.Error)
		that(err != nil && !(ok && timeout.Timeout()), "%v", err)
	})
}

func dialer(hasCertificate bool) zk.Dialer {
	folder := os.Getenv("COMPAT_CERTIFICATES")
	authorities := x509.NewCertPool()
	authorities.AppendCertsFromPEM(got(os.ReadFile(filepath.Join(folder, "ca.pem"))))
	config := &tls.Config{RootCAs: authorities, ServerName: "localhost"}
	if hasCertificate {
		both := filepath.Join(folder, "client.pem")
		config.Certificates = []tls.Certificate{got(tls.LoadX509KeyPair(both, both))}
	}
	return func(network, address string, timeout time.Duration) (net.Conn, error) {
		return tls.DialWithDialer(&net.Dialer{Timeout: timeout}, network, address, config)
	}
}

func bytesOf(data []byte, _ *zk.Stat, err error) []byte {
	must(err)
	return data
}
