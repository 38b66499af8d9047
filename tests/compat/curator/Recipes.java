import java.util.Collection;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.recipes.atomic.AtomicValue;
import org.apache.curator.framework.recipes.atomic.DistributedAtomicLong;
import org.apache.curator.framework.recipes.barriers.DistributedBarrier;
import org.apache.curator.framework.recipes.barriers.DistributedDoubleBarrier;
import org.apache.curator.framework.recipes.cache.CuratorCache;
import org.apache.curator.framework.recipes.cache.CuratorCacheListener;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreV2;
import org.apache.curator.framework.recipes.locks.Lease;
import org.apache.curator.framework.recipes.queue.SimpleDistributedQueue;
import org.apache.curator.framework.recipes.shared.SharedCount;
import org.apache.curator.framework.recipes.watch.PersistentWatcher;
import org.apache.curator.retry.RetryOneTime;
import org.apache.curator.x.discovery.ServiceDiscovery;
import org.apache.curator.x.discovery.ServiceDiscoveryBuilder;
import org.apache.curator.x.discovery.ServiceInstance;

/** Curator's recipes, with two clients each. */
final class Recipes {
  static void run(String hosts) throws Exception {
    try (Curators one = new Curators(hosts, Curators.LONG_TIMEOUT);
        Curators two = new Curators(hosts, Curators.LONG_TIMEOUT)) {
      locks(one, two);
      leadership(one, two);
      barriers(one, two);
      caches(one, two);
      counters(one, two);
      services(one, two);
    }
  }

  private static void locks(Curators one, Curators two) {
    Stage.check(
        "a mutex passes from one to the other",
        () -> {
          InterProcessMutex mine = new InterProcessMutex(one.zk, "/recipes/mutex");
          InterProcessMutex yours = new InterProcessMutex(two.zk, "/recipes/mutex");
          mine.acquire();
          mine.acquire();
          Future<Boolean> waiting =
              Stage.aside(() -> yours.acquire(Stage.PATIENCE, TimeUnit.SECONDS));
          one.waitForChildren("/recipes/mutex", 2);
          mine.release();
          Stage.that(!waiting.isDone(), "two hold it");
          mine.release();
          Stage.that(Stage.soon(waiting), "the other never gets it");
          Stage.that(!mine.acquire(0, TimeUnit.SECONDS), "two hold it");
        });
    Stage.check(
        "readers share, a writer does not",
        () -> {
          InterProcessReadWriteLock mine = new InterProcessReadWriteLock(one.zk, "/recipes/rw");
          InterProcessReadWriteLock yours = new InterProcessReadWriteLock(two.zk, "/recipes/rw");
          mine.readLock().acquire();
          Stage.that(
              yours.readLock().acquire(Stage.PATIENCE, TimeUnit.SECONDS), "no second reader");
          yours.readLock().release();
          Stage.that(!yours.writeLock().acquire(0, TimeUnit.SECONDS), "a writer beside a reader");
          mine.readLock().release();
          Stage.that(yours.writeLock().acquire(Stage.PATIENCE, TimeUnit.SECONDS), "no writer");
          yours.writeLock().release();
        });
    Stage.check(
        "a semaphore has so many leases",
        () -> {
          InterProcessSemaphoreV2 mine =
              new InterProcessSemaphoreV2(one.zk, "/recipes/semaphore", 2);
          InterProcessSemaphoreV2 yours =
              new InterProcessSemaphoreV2(two.zk, "/recipes/semaphore", 2);
          Collection<Lease> leases = mine.acquire(2);
          Stage.equal(yours.acquire(1, TimeUnit.MILLISECONDS), null);
          mine.returnLease(leases.iterator().next());
          Lease lease = yours.acquire(Stage.PATIENCE, TimeUnit.SECONDS);
          Stage.that(lease != null, "no lease after one was returned");
          yours.returnLease(lease);
        });
  }

  private static void leadership(Curators one, Curators two) {
    Stage.check(
        "leadership passes to the next",
        () -> {
          LeaderLatch first = new LeaderLatch(one.zk, "/recipes/leader", "one");
          first.start();
          Stage.that(first.await(Stage.PATIENCE, TimeUnit.SECONDS), "no leader");
          try (LeaderLatch second = new LeaderLatch(two.zk, "/recipes/leader", "two")) {
            second.start();
            one.waitForChildren("/recipes/leader", 2);
            Stage.that(!second.hasLeadership(), "two leaders");
            Stage.equal(second.getLeader().getId(), "one");
            first.close();
            Stage.that(second.await(Stage.PATIENCE, TimeUnit.SECONDS), "no leader after the first");
          }
        });
  }

  private static void barriers(Curators one, Curators two) {
    Stage.check(
        "a barrier holds until it is removed",
        () -> {
          DistributedBarrier barrier = new DistributedBarrier(one.zk, "/recipes/barrier");
          barrier.setBarrier();
          DistributedBarrier same = new DistributedBarrier(two.zk, "/recipes/barrier");
          Stage.that(!same.waitOnBarrier(1, TimeUnit.MILLISECONDS), "it does not hold");
          Future<Boolean> waiting =
              Stage.aside(() -> same.waitOnBarrier(Stage.PATIENCE, TimeUnit.SECONDS));
          barrier.removeBarrier();
          Stage.that(Stage.soon(waiting), "it holds on");
        });
    Stage.check(
        "a double barrier lets all in and all out",
        () -> {
          DistributedDoubleBarrier mine =
              new DistributedDoubleBarrier(one.zk, "/recipes/double", 2);
          DistributedDoubleBarrier yours =
              new DistributedDoubleBarrier(two.zk, "/recipes/double", 2);
          Future<Boolean> entering =
              Stage.aside(() -> yours.enter(Stage.PATIENCE, TimeUnit.SECONDS));
          Stage.that(mine.enter(Stage.PATIENCE, TimeUnit.SECONDS), "not in");
          Stage.that(Stage.soon(entering), "the other is not in");
          Future<Boolean> leaving =
              Stage.aside(() -> yours.leave(Stage.PATIENCE, TimeUnit.SECONDS));
          Stage.that(mine.leave(Stage.PATIENCE, TimeUnit.SECONDS), "not out");
          Stage.that(Stage.soon(leaving), "the other is not out");
        });
  }

  @SuppressWarnings("deprecation")
  private static void caches(Curators one, Curators two) {
    Stage.check(
        "a cache follows a subtree",
        () -> {
          two.zk.create().creatingParentsIfNeeded().forPath("/recipes/cache/a/b", "1".getBytes());
          Stage.Heard<String> heard = new Stage.Heard<>();
          try (CuratorCache cache = CuratorCache.build(one.zk, "/recipes/cache")) {
            cache
                .listenable()
                .addListener(
                    CuratorCacheListener.builder()
                        .forInitialized(() -> heard.add("ready"))
                        .forCreates(node -> heard.add("created " + node.getPath()))
                        .forChanges((old, node) -> heard.add("changed " + node.getPath()))
                        .forDeletes(node -> heard.add("deleted " + node.getPath()))
                        .build());
            cache.start();
            heard.skipTo("ready");
            Stage.equal(new String(cache.get("/recipes/cache/a/b").orElseThrow().getData()), "1");
            two.zk.create().forPath("/recipes/cache/c");
            heard.skipTo("created /recipes/cache/c");
            two.zk.setData().forPath("/recipes/cache/a/b", "2".getBytes());
            heard.skipTo("changed /recipes/cache/a/b");
            Stage.equal(new String(cache.get("/recipes/cache/a/b").orElseThrow().getData()), "2");
            two.zk.delete().forPath("/recipes/cache/c");
            heard.skipTo("deleted /recipes/cache/c");
          }
        });
    Stage.check(
        "so does the older cache of children",
        () -> {
          Stage.Heard<String> heard = new Stage.Heard<>();
          try (var cache =
              new org.apache.curator.framework.recipes.cache.PathChildrenCache(
                  one.zk, "/recipes/children", true)) {
            cache.getListenable().addListener((client, event) -> heard.add(event.getType().name()));
            cache.start(
                org.apache.curator.framework.recipes.cache.PathChildrenCache.StartMode
                    .BUILD_INITIAL_CACHE);
            two.zk.create().forPath("/recipes/children/a", "1".getBytes());
            heard.skipTo("CHILD_ADDED");
            two.zk.setData().forPath("/recipes/children/a", "2".getBytes());
            heard.skipTo("CHILD_UPDATED");
            Stage.equal(new String(cache.getCurrentData("/recipes/children/a").getData()), "2");
            two.zk.delete().forPath("/recipes/children/a");
            heard.skipTo("CHILD_REMOVED");
          }
        });
    Stage.check(
        "a persistent watcher hears every change",
        () -> {
          Stage.Heard<String> heard = new Stage.Heard<>();
          two.zk.create().forPath("/recipes/watched");
          try (PersistentWatcher watcher =
              new PersistentWatcher(one.zk, "/recipes/watched", true)) {
            Stage.Heard<String> set = new Stage.Heard<>();
            watcher.getResetListenable().addListener(() -> set.add("set"));
            watcher
                .getListenable()
                .addListener(event -> heard.add(event.getType() + " " + event.getPath()));
            watcher.start();
            set.next();
            two.zk.create().forPath("/recipes/watched/x");
            two.zk.setData().forPath("/recipes/watched/x");
            two.zk.delete().forPath("/recipes/watched/x");
            for (String wanted : new String[] {"NodeCreated", "NodeDataChanged", "NodeDeleted"}) {
              Stage.equal(heard.next(), wanted + " /recipes/watched/x");
            }
          }
        });
  }

  private static void counters(Curators one, Curators two) {
    Stage.check(
        "both count the same number",
        () -> {
          DistributedAtomicLong mine =
              new DistributedAtomicLong(one.zk, "/recipes/long", new RetryOneTime(1));
          DistributedAtomicLong yours =
              new DistributedAtomicLong(two.zk, "/recipes/long", new RetryOneTime(1));
          Stage.that(mine.add(40L).succeeded(), "no");
          AtomicValue<Long> sum = yours.add(2L);
          Stage.that(sum.succeeded() && sum.postValue() == 42, sum.postValue());
        });
    Stage.check(
        "a shared count is told to others",
        () -> {
          try (SharedCount mine = new SharedCount(one.zk, "/recipes/count", 0);
              SharedCount yours = new SharedCount(two.zk, "/recipes/count", 0)) {
            mine.start();
            yours.start();
            Stage.Heard<Integer> heard = new Stage.Heard<>();
            yours.addListener(
                new org.apache.curator.framework.recipes.shared.SharedCountListener() {
                  @Override
                  public void countHasChanged(
                      org.apache.curator.framework.recipes.shared.SharedCountReader count,
                      int value) {
                    heard.add(value);
                  }

                  @Override
                  public void stateChanged(
                      org.apache.curator.framework.CuratorFramework client,
                      org.apache.curator.framework.state.ConnectionState state) {}
                });
            mine.setCount(7);
            heard.skipTo(7);
          }
        });
    Stage.check(
        "a queue keeps the order",
        () -> {
          SimpleDistributedQueue in = new SimpleDistributedQueue(one.zk, "/recipes/queue");
          SimpleDistributedQueue out = new SimpleDistributedQueue(two.zk, "/recipes/queue");
          in.offer("a".getBytes());
          in.offer("b".getBytes());
          Stage.equal(new String(out.take()) + new String(out.take()), "ab");
        });
  }

  private static void services(Curators one, Curators two) {
    Stage.check(
        "services are found while they live",
        () -> {
          ServiceInstance<Void> instance =
              ServiceInstance.<Void>builder()
                  .name("shop")
                  .id("one")
                  .address("10.0.0.1")
                  .port(80)
                  .build();
          try (ServiceDiscovery<Void> offering =
                  ServiceDiscoveryBuilder.builder(Void.class)
                      .client(one.zk)
                      .basePath("/recipes/services")
                      .thisInstance(instance)
                      .build();
              ServiceDiscovery<Void> looking =
                  ServiceDiscoveryBuilder.builder(Void.class)
                      .client(two.zk)
                      .basePath("/recipes/services")
                      .build()) {
            offering.start();
            looking.start();
            Collection<ServiceInstance<Void>> found = looking.queryForInstances("shop");
            Stage.that(found.size() == 1 && found.iterator().next().getPort() == 80, found);
            offering.unregisterService(instance);
            Stage.equal(looking.queryForInstances("shop").size(), 0);
          }
        });
  }

  private Recipes() {}
}
