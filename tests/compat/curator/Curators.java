import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.curator.retry.BoundedExponentialBackoffRetry;
import org.apache.zookeeper.Watcher.Event.EventType;
import org.apache.zookeeper.client.ZKClientConfig;

/** A Curator client with the states it went through. */
final class Curators implements AutoCloseable {
  static final int LONG_TIMEOUT = 20_000;

  /** Above the least the server grants, so that an expiry is soon. */
  static final int SHORT_TIMEOUT = 2_000;

  final CuratorFramework zk;
  final Stage.Heard<ConnectionState> states = new Stage.Heard<>();

  Curators(String hosts, int timeout) throws Exception {
    this(builder(hosts, timeout));
  }

  /** `login` is name and password of a digest identity, with a colon between. */
  Curators(String hosts, int timeout, String login) throws Exception {
    this(builder(hosts, timeout).authorization("digest", login.getBytes()));
  }

  /** With settings of the Java client below. */
  Curators(String hosts, ZKClientConfig config) throws Exception {
    this(builder(hosts, LONG_TIMEOUT).zkClientConfig(config));
  }

  private static CuratorFrameworkFactory.Builder builder(String hosts, int timeout) {
    return CuratorFrameworkFactory.builder()
        .connectString(hosts)
        .sessionTimeoutMs(timeout)
        .connectionTimeoutMs(15_000)
        .retryPolicy(new BoundedExponentialBackoffRetry(20, 300, 100));
  }

  private Curators(CuratorFrameworkFactory.Builder builder) throws Exception {
    zk = builder.build();
    zk.getConnectionStateListenable().addListener((client, state) -> states.add(state));
    zk.start();
    Stage.that(zk.blockUntilConnected((int) Stage.PATIENCE, TimeUnit.SECONDS), "no connection");
    Stage.equal(states.next(), ConnectionState.CONNECTED);
  }

  long session() throws Exception {
    return zk.getZookeeperClient().getZooKeeper().getSessionId();
  }

  boolean has(String path) throws Exception {
    return zk.checkExists().forPath(path) != null;
  }

  /** Waits until an ephemeral of another session is deleted. */
  void gone(String path) throws Exception {
    Stage.Heard<EventType> events = new Stage.Heard<>();
    if (zk.checkExists()
            .usingWatcher((org.apache.zookeeper.Watcher) event -> events.add(event.getType()))
            .forPath(path)
        != null) {
      events.skipTo(EventType.NodeDeleted);
    }
  }

  /** Waits until a znode is there. */
  void waitFor(String path) throws Exception {
    Stage.Heard<EventType> events = new Stage.Heard<>();
    if (zk.checkExists()
            .usingWatcher((org.apache.zookeeper.Watcher) event -> events.add(event.getType()))
            .forPath(path)
        == null) {
      events.next();
    }
  }

  /** Waits until a znode has so many children. */
  void waitForChildren(String path, int count) throws Exception {
    while (true) {
      Stage.Heard<EventType> events = new Stage.Heard<>();
      int found =
          zk.getChildren()
              .usingWatcher((org.apache.zookeeper.Watcher) event -> events.add(event.getType()))
              .forPath(path)
              .size();
      if (found == count) {
        return;
      }
      events.next();
    }
  }

  @Override
  public void close() {
    zk.close();
  }
}
