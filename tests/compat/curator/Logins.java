import java.util.List;
import java.util.Map;
import javax.security.auth.login.AppConfigurationEntry;
import javax.security.auth.login.AppConfigurationEntry.LoginModuleControlFlag;
import javax.security.auth.login.Configuration;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.Watcher.Event.KeeperState;
import org.apache.zookeeper.ZooDefs.Perms;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.client.ZKClientConfig;
import org.apache.zookeeper.data.ACL;
import org.apache.zookeeper.data.Id;
import org.apache.zookeeper.server.auth.DigestLoginModule;

/** Logging in by SASL, which the Java client does with Java's own DIGEST-MD5. */
final class Logins {
  private static final String USER = System.getenv("COMPAT_USER");
  private static final String PASSWORD = System.getenv("COMPAT_PASSWORD");

  static void run(String direct, String through) throws Exception {
    Configuration.setConfiguration(new Sections());
    try (Curators nobody = new Curators(direct, Curators.LONG_TIMEOUT)) {
      Stage.check(
          "a SASL user owns what others cannot read, also after a cut",
          () -> {
            try (Curators user = new Curators(through, section("Good"))) {
              List<ACL> own = List.of(new ACL(Perms.ALL, new Id("sasl", USER)));
              user.zk.create().withACL(own).forPath("/sasl", "x".getBytes());
              Stage.equal(new String(user.zk.getData().forPath("/sasl")), "x");
              Stage.refused(
                  KeeperException.NoAuthException.class,
                  () -> nobody.zk.getData().forPath("/sasl"));
              Stage.order("proxy cut");
              user.states.skipTo(ConnectionState.RECONNECTED);
              Stage.equal(new String(user.zk.getData().forPath("/sasl")), "x");
            }
          });
      Stage.check(
          "a wrong password is refused",
          () -> {
            Stage.Heard<KeeperState> states = new Stage.Heard<>();
            try (ZooKeeper zk =
                new ZooKeeper(
                    direct, 20_000, event -> states.add(event.getState()), section("Bad"))) {
              states.skipTo(KeeperState.AuthFailed);
            }
          });
    }
  }

  private static ZKClientConfig section(String name) {
    ZKClientConfig config = new ZKClientConfig();
    config.setProperty(ZKClientConfig.LOGIN_CONTEXT_NAME_KEY, name);
    return config;
  }

  /** Instead of a JAAS file. */
  private static final class Sections extends Configuration {
    @Override
    public AppConfigurationEntry[] getAppConfigurationEntry(String name) {
      if (!List.of("Good", "Bad").contains(name)) {
        return null;
      }
      String password = name.equals("Good") ? PASSWORD : PASSWORD + "!";
      return new AppConfigurationEntry[] {
        new AppConfigurationEntry(
            DigestLoginModule.class.getName(),
            LoginModuleControlFlag.REQUIRED,
            Map.of("username", USER, "password", password))
      };
    }
  }

  private Logins() {}
}
