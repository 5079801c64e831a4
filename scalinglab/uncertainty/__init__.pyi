from .bootstraps import Bootstrap as Bootstrap
from .covariances import Covariance as Covariance, covariance as covariance
from .intervals import Interval as Interval
from .profiles import Profile as Profile, profile as profile
from .proven_regions import ProvenRegion as ProvenRegion, proven_region as proven_region
from .resampling import bootstrap as bootstrap
