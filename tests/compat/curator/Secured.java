import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.zookeeper.ClientCnxnSocketNetty;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.ZooDefs.Perms;
import org.apache.zookeeper.client.ZKClientConfig;
import org.apache.zookeeper.data.ACL;
import org.apache.zookeeper.data.Id;

/** TLS as the Java client has it, with its keys in PEM. */
final class Secured {
  static void run(String direct, String through) {
    Stage.check(
        "TLS with a certificate, which is an identity, also after a cut",
        () -> {
          try (Curators client = new Curators(through, config());
              Curators plain = new Curators(direct, Curators.LONG_TIMEOUT)) {
            client.zk.create().withACL(Ids.CREATOR_ALL_ACL).forPath("/tls", "x".getBytes());
            List<ACL> own = List.of(new ACL(Perms.ALL, new Id("x509", "CN=client")));
            Stage.equal(client.zk.getACL().forPath("/tls"), own);
            Stage.refused(
                KeeperException.NoAuthException.class, () -> plain.zk.getData().forPath("/tls"));
            Stage.order("proxy cut");
            client.states.skipTo(ConnectionState.RECONNECTED);
            client.zk.setData().forPath("/tls", new byte[500_000]);
            Stage.equal(client.zk.getData().forPath("/tls").length, 500_000);
          }
        });
  }

  private static ZKClientConfig config() {
    Path folder = Path.of(System.getenv("COMPAT_CERTIFICATES"));
    ZKClientConfig config = new ZKClientConfig();
    Map.of(
            ZKClientConfig.SECURE_CLIENT,
            "true",
            ZKClientConfig.ZOOKEEPER_CLIENT_CNXN_SOCKET,
            ClientCnxnSocketNetty.class.getName(),
            // Left alone it speaks 1.3 only, which Apache's 3.8 does not.
            "zookeeper.ssl.enabledProtocols",
            "TLSv1.3,TLSv1.2",
            "zookeeper.ssl.keyStore.location",
            folder.resolve("client.pem").toString(),
            "zookeeper.ssl.trustStore.location",
            folder.resolve("ca.pem").toString())
        .forEach(config::setProperty);
    return config;
  }

  private Secured() {}
}
